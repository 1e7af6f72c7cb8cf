/* Every call of the C face on a bloc of three fields: age and balance, which are floats, and region, a text.
 * `calls BLOC [THREADS]` ends with 0 when all was as expected. */
#include "monobloc.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failures = 0;

#define EXPECT(condition)                                                         \
  do {                                                                            \
    if (!(condition)) {                                                           \
      fprintf(stderr, "%s:%d: expected %s\n", __FILE__, __LINE__, #condition);    \
      failures++;                                                                 \
    }                                                                             \
  } while (0)

/* The status of a call, whose error is told unless it is expected. */
static void checked(monobloc_status status, monobloc_error *error, monobloc_status expected, int line) {
  if (status != expected) {
    monobloc_str message = monobloc_error_message(error);
    fprintf(stderr, "line %d: status %u instead of %u: %.*s\n", line, (unsigned)status, (unsigned)expected,
            (int)message.len, message.data);
    failures++;
  }
  EXPECT((status == MONOBLOC_OK) == (error == NULL));
  EXPECT(monobloc_error_status(error) == status);
  monobloc_error_free(error);
}

/* A call that writes to the variable `error`. */
#define FAILS(call, expected)                         \
  do {                                                \
    monobloc_status status_;                          \
    error = NULL;                                     \
    status_ = (call);                                 \
    checked(status_, error, (expected), __LINE__);    \
  } while (0)
#define OK(call) FAILS(call, MONOBLOC_OK)

static int is(monobloc_str text, const char *expected) {
  return text.len == strlen(expected) && memcmp(text.data, expected, text.len) == 0;
}

static const double AGES[] = {25.0, 40.0, NAN, 61.5, 18.0, 33.0};
static const double BALANCES[] = {-10.0, 1e-310, 0.0, 2500.0, 1.0, -0.0};
static const char *const REGIONS[] = {"north", "south", "north", "east", "mars", "south"};
enum { N_ROWS = 6 };

static double answers[2 * N_ROWS];

static monobloc_rows *columns_of(const monobloc_engine *engine) {
  monobloc_error *error;
  monobloc_rows *rows = NULL;
  monobloc_column columns[3];
  memset(columns, 0, sizeof columns);
  columns[0].size = columns[1].size = columns[2].size = sizeof columns[0];
  columns[0].name = "region";
  columns[0].dtype = MONOBLOC_C_STRING;
  columns[0].values = REGIONS;
  columns[1].name = "age";
  columns[1].dtype = MONOBLOC_FLOAT64;
  columns[1].values = AGES;
  columns[2].name = "balance";
  columns[2].dtype = MONOBLOC_FLOAT64;
  columns[2].values = BALANCES;
  OK(monobloc_rows_from_columns(engine, columns, 3, N_ROWS, &rows, &error));
  return rows;
}

static void texts_and_schema(const monobloc_engine *engine) {
  monobloc_error *error;
  monobloc_field field = {0};
  monobloc_label label = {0};
  monobloc_load_report report = {0};
  monobloc_bytes *json = NULL;
  size_t number = 99;
  EXPECT(monobloc_abi_version() == MONOBLOC_ABI_VERSION);
  EXPECT(strcmp(monobloc_version(), "0.1.0") == 0);
  EXPECT(is(monobloc_engine_name(engine), "sample"));
  EXPECT(is(monobloc_engine_version(engine), "1"));
  EXPECT(is(monobloc_engine_source(engine), "sample"));
  EXPECT(monobloc_engine_digest(engine).len == 71);
  EXPECT(monobloc_engine_path(engine).len > 0);
  EXPECT(monobloc_engine_manifest_json(engine).data[0] == '{');
  EXPECT(monobloc_engine_task(engine) == MONOBLOC_CLASSIFICATION);
  EXPECT(monobloc_engine_threads(engine) >= 1);
  EXPECT(monobloc_engine_n_fields(engine) == 3);
  EXPECT(monobloc_engine_n_tensors(engine) == 0);
  EXPECT(monobloc_engine_n_features(engine) == 5);
  EXPECT(is(monobloc_engine_feature_name(engine, 4), "south"));
  EXPECT(monobloc_engine_feature_name(engine, 5).data == NULL);
  field.size = sizeof field;
  OK(monobloc_engine_field(engine, 2, &field, &error));
  EXPECT(field.size == sizeof field && field.kind == MONOBLOC_STRING_FIELD && field.is_read);
  EXPECT(is(field.name, "region") && is(field.kind_name, "string") && is(field.dtype, "string"));
  FAILS(monobloc_engine_field(engine, 3, &field, &error), MONOBLOC_INVALID_ARGUMENT);
  OK(monobloc_engine_field_number(engine, "balance", &number, &error));
  EXPECT(number == 1);
  FAILS(monobloc_engine_field_number(engine, "income", &number, &error), MONOBLOC_SCHEMA);
  EXPECT(monobloc_engine_n_classes(engine) == 2);
  label.size = sizeof label;
  OK(monobloc_engine_label(engine, 1, &label, &error));
  EXPECT(label.label_type == MONOBLOC_INTEGER_LABEL && label.integer == 1);
  EXPECT(monobloc_engine_n_targets(engine) == 1 && monobloc_engine_n_target_classes(engine, 0) == 2);
  EXPECT(monobloc_engine_n_target_classes(engine, 1) == 0 && monobloc_engine_n_targets(NULL) == 0);
  label.integer = 9;
  OK(monobloc_engine_target_label(engine, 0, 0, &label, &error));
  EXPECT(label.label_type == MONOBLOC_INTEGER_LABEL && label.integer == 0);
  FAILS(monobloc_engine_target_label(engine, 1, 0, &label, &error), MONOBLOC_INVALID_ARGUMENT);
  FAILS(monobloc_engine_target_label(engine, 0, 2, &label, &error), MONOBLOC_INVALID_ARGUMENT);
  report.size = sizeof report;
  OK(monobloc_engine_load_report(engine, &report, &error));
  EXPECT(report.seconds > 0 && report.mapped_bytes > 0 && report.private_bytes > 0);
  OK(monobloc_engine_json_schema(engine, &json, &error));
  EXPECT(monobloc_bytes_data(json)[0] == '{' && strlen(monobloc_bytes_data(json)) == monobloc_bytes_len(json));
  monobloc_bytes_free(json);
}

static const char NO_BALANCE[] = "[{\"age\":1,\"balance\":null,\"region\":\"east\"}]";

static void answers_to_rows(const monobloc_engine *engine) {
  monobloc_error *error;
  monobloc_rows *rows = columns_of(engine);
  monobloc_verdicts *verdicts = NULL;
  monobloc_finding finding = {0};
  monobloc_bytes *json = NULL;
  double values[3 * N_ROWS], features[5 * N_ROWS];
  float singles[5 * N_ROWS];
  size_t row;
  EXPECT(monobloc_rows_n_rows(rows) == N_ROWS);
  EXPECT(monobloc_engine_answer_width(engine, MONOBLOC_OUTPUTS) == 2);
  EXPECT(monobloc_engine_answer_width(engine, MONOBLOC_OUTPUTS_AND_CLASS) == 3);
  OK(monobloc_engine_predict(engine, rows, MONOBLOC_OUTPUTS, answers, 2 * N_ROWS, &error));
  OK(monobloc_engine_predict(engine, rows, MONOBLOC_OUTPUTS_AND_CLASS, values, 3 * N_ROWS, &error));
  for (row = 0; row < N_ROWS; row++) {
    EXPECT(fabs(answers[2 * row] + answers[2 * row + 1] - 1.0) < 1e-12);
    EXPECT(memcmp(values + 3 * row, answers + 2 * row, 2 * sizeof(double)) == 0);
    EXPECT(values[3 * row + 2] == (answers[2 * row + 1] > answers[2 * row] ? 1.0 : 0.0));
  }
  OK(monobloc_engine_predict(engine, rows, MONOBLOC_CLASS, values, N_ROWS, &error));
  OK(monobloc_engine_predict(engine, rows, MONOBLOC_LOG_PROBABILITIES, values, 2 * N_ROWS, &error));
  FAILS(monobloc_engine_predict(engine, rows, MONOBLOC_OUTPUTS, values, 3, &error), MONOBLOC_INVALID_ARGUMENT);
  FAILS(monobloc_engine_predict(engine, rows, 77, values, 3, &error), MONOBLOC_INVALID_ARGUMENT);
  OK(monobloc_engine_run(engine, rows, MONOBLOC_OUTPUTS, values, 2 * N_ROWS, &verdicts, &error));
  EXPECT(memcmp(values, answers, sizeof answers) == 0);
  monobloc_verdicts_free(verdicts);
  OK(monobloc_engine_transform_f64(engine, rows, features, 5 * N_ROWS, &error));
  OK(monobloc_engine_transform_f32(engine, rows, singles, 5 * N_ROWS, &error));
  EXPECT(features[0] == (25.0 - 35.0) / 12.5 && singles[1] == -10.0F && features[3] == 1.0);
  OK(monobloc_engine_check(engine, rows, &verdicts, &error));
  monobloc_verdicts_free(verdicts);
  monobloc_rows_free(rows);

  rows = NULL;
  OK(monobloc_rows_from_json(engine, (const uint8_t *)NO_BALANCE, strlen(NO_BALANCE), &rows, &error));
  EXPECT(monobloc_rows_n_rows(rows) == 1);
  FAILS(monobloc_engine_predict(engine, rows, MONOBLOC_OUTPUTS, values, 2, &error), MONOBLOC_ROWS_REJECTED);
  EXPECT(isnan(values[0]));
  OK(monobloc_engine_run(engine, rows, MONOBLOC_OUTPUTS, values, 2, &verdicts, &error));
  EXPECT(monobloc_verdicts_n_findings(verdicts) == 1);
  EXPECT(monobloc_verdicts_status(verdicts, 0) == MONOBLOC_ROW_REJECTED);
  EXPECT(monobloc_verdicts_status(verdicts, 7) == MONOBLOC_ROW_OK);
  finding.size = sizeof finding;
  OK(monobloc_verdicts_finding(verdicts, 0, &finding, &error));
  EXPECT(finding.kind == MONOBLOC_MISSING && is(finding.kind_name, "missing") && is(finding.field, "balance"));
  EXPECT(finding.row == 0 && finding.seen.data == NULL && is(finding.reason, "missing"));
  FAILS(monobloc_verdicts_finding(verdicts, 1, &finding, &error), MONOBLOC_INVALID_ARGUMENT);
  OK(monobloc_verdicts_to_json(verdicts, &json, &error));
  EXPECT(strstr(monobloc_bytes_data(json), "\"rejected\"") != NULL);
  monobloc_bytes_free(json);
  monobloc_verdicts_free(verdicts);
  monobloc_rows_free(rows);
}

static void validity_and_strides(const monobloc_engine *engine) {
  /* Rows as structures: strides lead from one to the next. */
  struct person {
    monobloc_str region;
    float age;
    int32_t balance;
  } people[N_ROWS];
  const uint8_t validity = 0x3B; /* all but the third */
  monobloc_column columns[3];
  monobloc_rows *rows = NULL;
  monobloc_error *error;
  monobloc_verdicts *verdicts = NULL;
  double values[2 * N_ROWS];
  size_t row;
  memset(columns, 0, sizeof columns);
  for (row = 0; row < N_ROWS; row++) {
    people[row].region.data = REGIONS[row];
    people[row].region.len = strlen(REGIONS[row]);
    people[row].age = row == 2 ? 99.0F : (float)AGES[row];
    people[row].balance = (int32_t)BALANCES[row];
  }
  columns[0].size = columns[1].size = columns[2].size = sizeof columns[0];
  columns[0].stride = columns[1].stride = columns[2].stride = sizeof people[0];
  columns[0].name = "region";
  columns[0].dtype = MONOBLOC_STRING;
  columns[0].values = &people[0].region;
  columns[1].name = "age";
  columns[1].dtype = MONOBLOC_FLOAT32;
  columns[1].values = &people[0].age;
  columns[1].validity = &validity;
  columns[2].name = "balance";
  columns[2].dtype = MONOBLOC_INT32;
  columns[2].values = &people[0].balance;
  OK(monobloc_rows_from_columns(engine, columns, 3, N_ROWS, &rows, &error));
  OK(monobloc_engine_run(engine, rows, MONOBLOC_OUTPUTS, values, 2 * N_ROWS, &verdicts, &error));
  EXPECT(memcmp(values, answers, sizeof answers) == 0);
  monobloc_verdicts_free(verdicts);
  /* Values may change between calls. */
  people[0].age = 80.0F;
  OK(monobloc_engine_predict(engine, rows, MONOBLOC_OUTPUTS, values, 2 * N_ROWS, &error));
  EXPECT(values[1] > answers[1]);
  monobloc_rows_free(rows);
  rows = NULL;
  columns[1].name = "region";
  FAILS(monobloc_rows_from_columns(engine, columns, 3, N_ROWS, &rows, &error), MONOBLOC_SCHEMA);
  people[0].region.len = SIZE_MAX;
  FAILS(monobloc_rows_from_columns(engine, columns, 3, N_ROWS, &rows, &error), MONOBLOC_INVALID_ARGUMENT);
  columns[1].dtype = 0;
  FAILS(monobloc_rows_from_columns(engine, columns, 3, N_ROWS, &rows, &error), MONOBLOC_INVALID_ARGUMENT);
  columns[0].size = 3;
  FAILS(monobloc_rows_from_columns(engine, columns, 3, N_ROWS, &rows, &error), MONOBLOC_INVALID_ARGUMENT);
  EXPECT(rows == NULL);
}

static void prepared_row(const monobloc_engine *engine) {
  monobloc_error *error;
  monobloc_row *row = NULL;
  monobloc_verdicts *verdicts = NULL;
  double values[2];
  size_t at;
  OK(monobloc_row_new(engine, &row, &error));
  for (at = 0; at < N_ROWS; at++) {
    if (isnan(AGES[at])) {
      EXPECT(monobloc_row_set_missing(row, 0) == MONOBLOC_OK);
    } else {
      EXPECT(monobloc_row_set_f64(row, 0, AGES[at]) == MONOBLOC_OK);
    }
    EXPECT(monobloc_row_set_f64(row, 1, BALANCES[at]) == MONOBLOC_OK);
    EXPECT(monobloc_row_set_text(row, 2, REGIONS[at], strlen(REGIONS[at])) == MONOBLOC_OK);
    OK(monobloc_row_predict(row, MONOBLOC_OUTPUTS, values, 2, &error));
    EXPECT(memcmp(values, answers + 2 * at, sizeof values) == 0);
  }
  EXPECT(monobloc_row_set_i64(row, 1, 5) == MONOBLOC_OK);
  EXPECT(monobloc_row_set_bool(row, 1, true) == MONOBLOC_OK);
  EXPECT(monobloc_row_set_f64(row, 3, 0.0) == MONOBLOC_INVALID_ARGUMENT);
  EXPECT(monobloc_row_set_text(row, 2, "\xff", 1) == MONOBLOC_INVALID_ARGUMENT);
  EXPECT(monobloc_row_clear(row) == MONOBLOC_OK);
  OK(monobloc_row_run(row, MONOBLOC_OUTPUTS, values, 2, &verdicts, &error));
  EXPECT(monobloc_verdicts_status(verdicts, 0) == MONOBLOC_ROW_REJECTED && isnan(values[0]));
  monobloc_verdicts_free(verdicts);
  monobloc_row_free(row);
}

static void bodies(const monobloc_engine *engine) {
  static const char BODY[] = "[{\"age\": 25, \"balance\": -10, \"region\": \"north\"}]";
  monobloc_error *error = NULL;
  monobloc_bytes *response = NULL;
  OK(monobloc_engine_run_json(engine, (const uint8_t *)BODY, strlen(BODY), &response, &error));
  EXPECT(strstr(monobloc_bytes_data(response), "\"probabilities\"") != NULL);
  monobloc_bytes_free(response);
  EXPECT(monobloc_engine_run_json(engine, (const uint8_t *)"[{", 2, &response, &error) == MONOBLOC_MALFORMED_REQUEST);
  EXPECT(monobloc_error_http_status(error) == 400);
  EXPECT(is(monobloc_error_code(error), "malformed_request"));
  EXPECT(monobloc_error_field(error).data == NULL && monobloc_error_row(error) == SIZE_MAX);
  monobloc_error_free(error);
  FAILS(monobloc_engine_run_arrow(engine, (const uint8_t *)"ARROW1", 6, &response, &error),
        monobloc_has_ipc() ? MONOBLOC_MALFORMED_REQUEST : MONOBLOC_UNSUPPORTED);
}

/* Answers by Arrow's interfaces go out, and come in again as rows. */
static void arrow(const monobloc_engine *engine) {
  monobloc_error *error;
  monobloc_rows *rows = columns_of(engine);
  struct ArrowArrayStream stream;
  struct ArrowSchema schema;
  struct ArrowArray array;
  monobloc_rows *others = NULL;
  memset(&stream, 0, sizeof stream);
  OK(monobloc_engine_run_to_arrow(engine, rows, &stream, &error));
  EXPECT(stream.get_schema(&stream, &schema) == 0);
  EXPECT(strcmp(schema.format, "+s") == 0 && schema.n_children == 4 && strcmp(schema.children[0]->name, "label") == 0);
  EXPECT(stream.get_next(&stream, &array) == 0 && array.length == N_ROWS);
  /* It lacks the model's columns, which shows when it is answered. Both are taken over. */
  OK(monobloc_rows_from_arrow(engine, &array, &schema, &others, &error));
  FAILS(monobloc_engine_predict(engine, others, MONOBLOC_OUTPUTS, answers, 2 * N_ROWS, &error), MONOBLOC_SCHEMA);
  monobloc_rows_free(others);
  others = NULL;
  EXPECT(array.release == NULL && schema.release == NULL);
  FAILS(monobloc_rows_from_arrow(engine, &array, &schema, &others, &error), MONOBLOC_SCHEMA);
  FAILS(monobloc_rows_from_arrow_stream(NULL, &stream, &others, &error), MONOBLOC_INVALID_ARGUMENT);
  EXPECT(stream.release == NULL && others == NULL);
  monobloc_rows_free(rows);
}

static void watched(const monobloc_engine *engine) {
  monobloc_error *error;
  monobloc_health health = {0};
  monobloc_snapshot snapshot = {0};
  monobloc_cpu_budget budget = {0};
  monobloc_bytes *text = NULL, *table = NULL;
  health.size = sizeof health;
  OK(monobloc_engine_health(engine, &health, &text, &error));
  EXPECT(!health.file_changed && monobloc_engine_is_ready(engine));
  monobloc_bytes_free(text);
  snapshot.size = sizeof snapshot;
  OK(monobloc_engine_snapshot(engine, &snapshot, &error));
  EXPECT(snapshot.rows > N_ROWS && snapshot.requests > 5 && snapshot.errors > 0 && snapshot.in_flight == 0);
  OK(monobloc_engine_metrics(engine, "openmetrics", &text, &error));
  EXPECT(strstr(monobloc_bytes_data(text), "# EOF") != NULL);
  monobloc_bytes_free(text);
  FAILS(monobloc_engine_metrics(engine, "xml", &text, &error), MONOBLOC_INVALID_ARGUMENT);
  budget.size = sizeof budget;
  OK(monobloc_cpu_budget_read(2, &budget, &text, &error));
  EXPECT(budget.threads >= 1 && budget.workers == 2 && monobloc_bytes_len(text) > 10);
  monobloc_bytes_free(text);
  OK(monobloc_engine_drift(engine, NULL, &text, &table, &error));
  EXPECT(monobloc_bytes_data(text)[0] == '{' && monobloc_bytes_len(table) > 10);
  monobloc_bytes_free(text);
  monobloc_bytes_free(table);
}

static void unloaded(const char *path) {
  monobloc_error *error;
  monobloc_bloc *bloc = NULL;
  monobloc_footprint footprint = {0};
  monobloc_bytes *table = NULL;
  OK(monobloc_bloc_open(path, NULL, &bloc, &error));
  EXPECT(monobloc_bloc_size_bytes(bloc) > 0 && monobloc_bloc_digest(bloc).len == 71);
  EXPECT(monobloc_bloc_manifest_json(bloc).len > 10);
  OK(monobloc_bloc_verify(bloc, &error));
  FAILS(monobloc_bloc_replay_golden(bloc, &error), monobloc_has_ipc() ? MONOBLOC_OK : MONOBLOC_UNSUPPORTED);
  monobloc_bloc_free(bloc);
  FAILS(monobloc_bloc_open("/nowhere.bloc", NULL, &bloc, &error), MONOBLOC_NOT_FOUND);
  FAILS(monobloc_bloc_open(path, "sha256:00", &bloc, &error), MONOBLOC_INVALID_ARGUMENT);
  footprint.size = sizeof footprint;
  OK(monobloc_footprint_of(&path, 1, 4, 1, &footprint, &table, &error));
  EXPECT(footprint.workers == 4 && footprint.total_bytes > footprint.worker_bytes);
  monobloc_bytes_free(table);
}

static void on_event(void *userdata, monobloc_str json) {
  *(int *)userdata += json.len > 10 && json.data[0] == '{';
}

static void on_log(void *userdata, uint32_t level, monobloc_str message) {
  *(int *)userdata += level == MONOBLOC_LOG_INFO && message.len > 10;
}

static void loading(const char *path) {
  monobloc_error *error;
  monobloc_engine *engine = NULL, *other;
  monobloc_loading *loading = NULL;
  monobloc_load_options options = {0};
  monobloc_row *row = NULL;
  double values[2];
  int events = 0, logs = 0;
  monobloc_set_log(on_log, &logs);
  FAILS(monobloc_engine_load("/nowhere.bloc", NULL, &engine, &error), MONOBLOC_NOT_FOUND);
  FAILS(monobloc_engine_load(path, &options, &engine, &error), MONOBLOC_INVALID_ARGUMENT);
  options.size = sizeof options;
  options.threads = 1;
  options.verify_full = true;
  options.on_event = on_event;
  options.event_userdata = &events;
  OK(monobloc_engine_load_in_background(path, &options, &loading, &error));
  EXPECT(monobloc_loading_wait(loading, 60000));
  OK(monobloc_loading_finish(loading, &engine, &error));
  EXPECT(logs == 1);
  monobloc_set_log(NULL, NULL);
  other = monobloc_engine_clone(engine);
  monobloc_engine_free(engine);
  OK(monobloc_row_new(other, &row, &error));
  monobloc_engine_free(other);
  monobloc_row_set_f64(row, 0, INFINITY);
  FAILS(monobloc_row_predict(row, MONOBLOC_OUTPUTS, values, 2, &error), MONOBLOC_ROWS_REJECTED);
  EXPECT(events == 1);
  monobloc_row_free(row);
  OK(monobloc_engine_load_in_background("/nowhere.bloc", NULL, &loading, &error));
  FAILS(monobloc_loading_finish(loading, &engine, &error), MONOBLOC_NOT_FOUND);
  OK(monobloc_engine_load_in_background(path, NULL, &loading, &error));
  monobloc_loading_free(loading);
  /* A structure of a later version: what is beyond is taken where it is zero. */
  {
    struct {
      monobloc_load_options known;
      uint64_t later;
    } newer;
    memset(&newer, 0, sizeof newer);
    newer.known.size = sizeof newer;
    OK(monobloc_engine_load(path, &newer.known, &engine, &error));
    monobloc_engine_free(engine);
    newer.later = 1;
    FAILS(monobloc_engine_load(path, &newer.known, &engine, &error), MONOBLOC_UNSUPPORTED);
  }
}

static void matrix(const monobloc_engine *engine) {
  monobloc_error *error;
  monobloc_matrix matrix = {0};
  monobloc_verdicts *verdicts = NULL;
  monobloc_rows *rows = NULL;
  double values[6] = {0}, outputs[4];
  matrix.size = sizeof matrix;
  matrix.dtype = MONOBLOC_FLOAT64;
  matrix.values = values;
  matrix.n_rows = 2;
  matrix.n_columns = 3;
  /* The region is a text: each row is rejected, or taken as one of no known region. */
  OK(monobloc_engine_run_matrix(engine, &matrix, MONOBLOC_OUTPUTS, outputs, 4, &verdicts, &error));
  EXPECT(monobloc_verdicts_n_findings(verdicts) >= 2);
  monobloc_verdicts_free(verdicts);
  FAILS(monobloc_engine_predict_matrix(engine, &matrix, MONOBLOC_OUTPUTS, outputs, 3, &error), MONOBLOC_INVALID_ARGUMENT);
  matrix.n_columns = 2;
  FAILS(monobloc_rows_from_matrix(engine, &matrix, &rows, &error), MONOBLOC_SCHEMA);
  matrix.dtype = MONOBLOC_INT8;
  FAILS(monobloc_rows_from_matrix(engine, &matrix, &rows, &error), MONOBLOC_INVALID_ARGUMENT);
}

static void networks(const monobloc_engine *engine) {
  monobloc_error *error;
  monobloc_tensors *tensors = NULL;
  monobloc_verdicts *verdicts = NULL;
  monobloc_status expected = monobloc_has_networks() ? MONOBLOC_INVALID_ARGUMENT : MONOBLOC_UNSUPPORTED;
  FAILS(monobloc_engine_run_tensors(engine, NULL, 0, &tensors, &verdicts, &error), expected);
  EXPECT(monobloc_tensors_n(NULL) == 0);
  monobloc_tensors_free(NULL);
}

/* Answers of one engine on many threads, each with a row of its own. */
static void *on_a_thread(void *shared) {
  const monobloc_engine *engine = shared;
  int round;
  for (round = 0; round < 200; round++) {
    monobloc_error *error;
    monobloc_rows *rows = columns_of(engine);
    monobloc_row *row = NULL;
    double values[2 * N_ROWS];
    OK(monobloc_engine_predict(engine, rows, MONOBLOC_OUTPUTS, values, 2 * N_ROWS, &error));
    EXPECT(memcmp(values, answers, sizeof answers) == 0);
    monobloc_rows_free(rows);
    OK(monobloc_row_new(engine, &row, &error));
    monobloc_row_set_f64(row, 0, AGES[1]);
    monobloc_row_set_f64(row, 1, BALANCES[1]);
    monobloc_row_set_text(row, 2, REGIONS[1], 5);
    OK(monobloc_row_predict(row, MONOBLOC_OUTPUTS, values, 2, &error));
    EXPECT(memcmp(values, answers + 2, 2 * sizeof(double)) == 0);
    monobloc_row_free(row);
  }
  return NULL;
}

int main(int argc, char **argv) {
  monobloc_error *error;
  monobloc_engine *engine = NULL;
  int n_threads = argc > 2 ? atoi(argv[2]) : 0, thread;
  pthread_t threads[64];
  if (argc < 2 || n_threads > 64) return 2;
  OK(monobloc_engine_load(argv[1], NULL, &engine, &error));
  if (engine == NULL) return 1;
  texts_and_schema(engine);
  answers_to_rows(engine);
  validity_and_strides(engine);
  prepared_row(engine);
  bodies(engine);
  arrow(engine);
  matrix(engine);
  networks(engine);
  unloaded(argv[1]);
  loading(argv[1]);
  {
    monobloc_rows *rows = columns_of(engine);
    OK(monobloc_engine_predict(engine, rows, MONOBLOC_OUTPUTS, answers, 2 * N_ROWS, &error));
    monobloc_rows_free(rows);
  }
  for (thread = 0; thread < n_threads; thread++) {
    if (pthread_create(&threads[thread], NULL, on_a_thread, engine) != 0) return 1;
  }
  for (thread = 0; thread < n_threads; thread++) pthread_join(threads[thread], NULL);
  watched(engine);
  monobloc_engine_free(engine);
  if (failures == 0) puts("all as expected");
  return failures != 0;
}
