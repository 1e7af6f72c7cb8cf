/* The answers of the C face by each of its entrances, for tests/python/test_faces.py, which compares them.
 *
 * `faces BLOC FOLDER` reads from the folder what there is of `body.json`, `rows.arrow`, `columns.txt` (on the first line
 * the number of rows, then a line for each column: its type and its name) with `column_N.bin` and `validity_N.bin`,
 * `matrix.bin`, and `tensors.txt` (a line for each: type, rank, lengths and name) with `tensor_N.bin`. For each entrance
 * it writes its answers beside them, as ENTRANCE.ANSWER.bin. Texts in files are a length, -1 of none, and their bytes.
 * C99 and C++11. */
#include "monobloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  char *data;
  size_t len;
} file_bytes;

static const char *folder;

static void fail(const char *what, monobloc_error *error) {
  monobloc_str message = monobloc_error_message(error);
  fprintf(stderr, "%s: %.*s\n", what, (int)message.len, message.data == NULL ? "" : message.data);
  exit(1);
}

#define MUST(call)                                                                      \
  do {                                                                                  \
    monobloc_error *error = NULL;                                                       \
    if ((call) != MONOBLOC_OK) fail(#call, error);                                      \
  } while (0)

static void *room(size_t bytes) {
  void *place = calloc(bytes + 1, 1);
  if (place == NULL) fail("no memory", NULL);
  return place;
}

static int read_file(const char *name, int number, file_bytes *out) {
  char path[4096];
  FILE *file;
  long len;
  snprintf(path, sizeof path, number < 0 ? "%s/%s" : "%s/%s_%d.bin", folder, name, number);
  file = fopen(path, "rb");
  if (file == NULL) return 0;
  fseek(file, 0, SEEK_END);
  len = ftell(file);
  rewind(file);
  out->len = (size_t)len;
  out->data = (char *)room(out->len);
  if (fread(out->data, 1, out->len, file) != out->len) fail(path, NULL);
  fclose(file);
  return 1;
}

static void write_file(const char *entrance, const char *answer, const void *data, size_t len) {
  char path[4096];
  FILE *file;
  snprintf(path, sizeof path, "%s/%s.%s.bin", folder, entrance, answer);
  file = fopen(path, "wb");
  if (file == NULL || fwrite(data, 1, len, file) != len || fclose(file) != 0) fail(path, NULL);
}

static void write_bytes(const char *entrance, const char *answer, monobloc_bytes *bytes) {
  write_file(entrance, answer, monobloc_bytes_data(bytes), monobloc_bytes_len(bytes));
  monobloc_bytes_free(bytes);
}

/* The status of each row, a byte each, and the verdicts as JSON. */
static void write_verdicts(const char *entrance, monobloc_verdicts *verdicts, size_t n_rows) {
  char *statuses = (char *)room(n_rows);
  monobloc_bytes *json = NULL;
  size_t row;
  for (row = 0; row < n_rows; row++) statuses[row] = (char)monobloc_verdicts_status(verdicts, row);
  write_file(entrance, "statuses", statuses, n_rows);
  MUST(monobloc_verdicts_to_json(verdicts, &json, &error));
  write_bytes(entrance, "verdicts", json);
  free(statuses);
}

static const struct {
  const char *name;
  uint32_t answer;
} ASKED[] = {{"outputs", MONOBLOC_OUTPUTS},
             {"class", MONOBLOC_CLASS},
             {"with_class", MONOBLOC_OUTPUTS_AND_CLASS},
             {"raw", MONOBLOC_RAW_SCORES}};
enum { N_ASKED = sizeof ASKED / sizeof ASKED[0] };

static void answer_rows(const monobloc_engine *engine, const char *entrance, monobloc_rows *rows) {
  const size_t n_rows = monobloc_rows_n_rows(rows);
  const size_t n_features = n_rows * monobloc_engine_n_features(engine);
  double *values = (double *)room(n_features * sizeof(double));
  monobloc_verdicts *verdicts = NULL, *checked = NULL;
  size_t at;
  for (at = 0; at < N_ASKED; at++) {
    const size_t n_values = n_rows * monobloc_engine_answer_width(engine, ASKED[at].answer);
    double *answers = (double *)room(n_values * sizeof(double));
    if (n_values > 0) {
      MUST(monobloc_engine_run(engine, rows, ASKED[at].answer, answers, n_values, &verdicts, &error));
      write_file(entrance, ASKED[at].name, answers, n_values * sizeof(double));
      if (at == 0) write_verdicts(entrance, verdicts, n_rows);
      monobloc_verdicts_free(verdicts);
    }
    free(answers);
  }
  if (monobloc_engine_transform_f64(engine, rows, values, n_features, NULL) == MONOBLOC_OK) {
    write_file(entrance, "features", values, n_features * sizeof(double));
  }
  free(values);
  MUST(monobloc_engine_check(engine, rows, &checked, &error));
  monobloc_verdicts_free(checked);
}

static void answer_network(const monobloc_engine *engine, const char *entrance, monobloc_tensors *tensors,
                           monobloc_verdicts *verdicts, size_t n_rows) {
  size_t at;
  (void)engine;
  for (at = 0; at < monobloc_tensors_n(tensors); at++) {
    monobloc_tensor_view view;
    char name[256];
    memset(&view, 0, sizeof view);
    view.size = sizeof view;
    MUST(monobloc_tensors_get(tensors, at, &view, &error));
    if (view.dtype != MONOBLOC_FLOAT32) fail("an output of another type than float", NULL);
    snprintf(name, sizeof name, "%.*s", (int)view.name.len, view.name.data);
    write_file(entrance, name, view.elements, view.n_elements * sizeof(float));
  }
  write_verdicts(entrance, verdicts, n_rows);
  monobloc_tensors_free(tensors);
  monobloc_verdicts_free(verdicts);
}

static void take_rows(const monobloc_engine *engine, const char *entrance, monobloc_rows *rows) {
  if (monobloc_engine_task(engine) == MONOBLOC_NETWORK) {
    monobloc_tensors *tensors = NULL;
    monobloc_verdicts *verdicts = NULL;
    MUST(monobloc_engine_run_network(engine, rows, &tensors, &verdicts, &error));
    answer_network(engine, entrance, tensors, verdicts, monobloc_rows_n_rows(rows));
  } else {
    answer_rows(engine, entrance, rows);
  }
  monobloc_rows_free(rows);
}

static uint32_t dtype_of(const char *name) {
  static const struct {
    const char *name;
    uint32_t dtype;
  } ALL[] = {{"bool", MONOBLOC_BOOL},       {"int8", MONOBLOC_INT8},     {"int32", MONOBLOC_INT32},
             {"int64", MONOBLOC_INT64},     {"uint8", MONOBLOC_UINT8},   {"float32", MONOBLOC_FLOAT32},
             {"float64", MONOBLOC_FLOAT64}, {"text", MONOBLOC_STRING}};
  size_t at;
  for (at = 0; at < sizeof ALL / sizeof ALL[0]; at++) {
    if (strcmp(ALL[at].name, name) == 0) return ALL[at].dtype;
  }
  fail(name, NULL);
  return 0;
}

static monobloc_str *texts_of(file_bytes bytes, size_t n) {
  monobloc_str *texts = (monobloc_str *)room(n * sizeof(monobloc_str));
  const char *place = bytes.data;
  size_t at;
  for (at = 0; at < n; at++) {
    int64_t len;
    memcpy(&len, place, sizeof len);
    place += sizeof len;
    if (len < 0) continue;
    texts[at].data = place;
    texts[at].len = (size_t)len;
    place += len;
  }
  return texts;
}

enum { MOST_COLUMNS = 256 };
static monobloc_column columns[MOST_COLUMNS];
static size_t n_columns, n_rows_of_columns;

static int read_columns(void) {
  file_bytes list;
  char *line;
  if (!read_file("columns.txt", -1, &list)) return 0;
  line = strtok(list.data, "\n");
  n_rows_of_columns = (size_t)strtoul(line, NULL, 10);
  while ((line = strtok(NULL, "\n")) != NULL) {
    monobloc_column *column = &columns[n_columns];
    char *name = strchr(line, ' ');
    file_bytes values, validity;
    *name++ = '\0';
    memset(column, 0, sizeof *column);
    column->size = sizeof *column;
    column->name = name;
    column->dtype = dtype_of(line);
    if (!read_file("column", (int)n_columns, &values)) fail(name, NULL);
    column->values = column->dtype == MONOBLOC_STRING ? (void *)texts_of(values, n_rows_of_columns) : values.data;
    if (read_file("validity", (int)n_columns, &validity)) column->validity = validity.data;
    if (++n_columns == MOST_COLUMNS) fail("too many columns", NULL);
  }
  return 1;
}

static void set_value(const monobloc_engine *engine, monobloc_row *row, const monobloc_column *column, size_t at) {
  const char *validity = (const char *)column->validity;
  monobloc_status status;
  size_t field;
  MUST(monobloc_engine_field_number(engine, column->name, &field, &error));
  if (validity != NULL && !(validity[at / 8] >> (at % 8) & 1)) {
    status = monobloc_row_set_missing(row, field);
  } else if (column->dtype == MONOBLOC_STRING) {
    monobloc_str text = ((const monobloc_str *)column->values)[at];
    status = text.data == NULL ? monobloc_row_set_missing(row, field)
                               : monobloc_row_set_text(row, field, text.data, text.len);
  } else if (column->dtype == MONOBLOC_FLOAT64) {
    status = monobloc_row_set_f64(row, field, ((const double *)column->values)[at]);
  } else if (column->dtype == MONOBLOC_FLOAT32) {
    status = monobloc_row_set_f64(row, field, ((const float *)column->values)[at]);
  } else if (column->dtype == MONOBLOC_BOOL) {
    status = monobloc_row_set_bool(row, field, ((const uint8_t *)column->values)[at] != 0);
  } else if (column->dtype == MONOBLOC_INT8) {
    status = monobloc_row_set_i64(row, field, ((const int8_t *)column->values)[at]);
  } else if (column->dtype == MONOBLOC_INT32) {
    status = monobloc_row_set_i64(row, field, ((const int32_t *)column->values)[at]);
  } else {
    status = monobloc_row_set_i64(row, field, ((const int64_t *)column->values)[at]);
  }
  if (status != MONOBLOC_OK) fail(column->name, NULL);
}

/* Row after row by one prepared row. */
static void answer_prepared(const monobloc_engine *engine) {
  monobloc_row *row = NULL;
  char *statuses = (char *)room(n_rows_of_columns);
  size_t at, asked, number;
  MUST(monobloc_row_new(engine, &row, &error));
  for (asked = 0; asked < N_ASKED; asked++) {
    const size_t width = monobloc_engine_answer_width(engine, ASKED[asked].answer);
    double *answers = (double *)room(n_rows_of_columns * width * sizeof(double));
    for (at = 0; width > 0 && at < n_rows_of_columns; at++) {
      monobloc_verdicts *verdicts = NULL;
      for (number = 0; number < n_columns; number++) set_value(engine, row, &columns[number], at);
      MUST(monobloc_row_run(row, ASKED[asked].answer, answers + at * width, width, &verdicts, &error));
      statuses[at] = (char)monobloc_verdicts_status(verdicts, 0);
      monobloc_verdicts_free(verdicts);
    }
    if (width > 0) write_file("row", ASKED[asked].name, answers, n_rows_of_columns * width * sizeof(double));
    if (asked == 0) write_file("row", "statuses", statuses, n_rows_of_columns);
    free(answers);
  }
  monobloc_row_free(row);
  free(statuses);
}

static void answer_matrix(const monobloc_engine *engine, file_bytes bytes) {
  monobloc_matrix matrix;
  monobloc_rows *rows = NULL;
  monobloc_verdicts *verdicts = NULL;
  double *answers;
  size_t n_values;
  memset(&matrix, 0, sizeof matrix);
  matrix.size = sizeof matrix;
  matrix.dtype = MONOBLOC_FLOAT64;
  matrix.values = bytes.data;
  matrix.n_columns = monobloc_engine_n_fields(engine);
  matrix.n_rows = bytes.len / sizeof(double) / matrix.n_columns;
  MUST(monobloc_rows_from_matrix(engine, &matrix, &rows, &error));
  take_rows(engine, "matrix", rows);
  if (monobloc_engine_task(engine) == MONOBLOC_NETWORK) return;
  n_values = matrix.n_rows * monobloc_engine_answer_width(engine, MONOBLOC_OUTPUTS);
  answers = (double *)room(n_values * sizeof(double));
  MUST(monobloc_engine_run_matrix(engine, &matrix, MONOBLOC_OUTPUTS, answers, n_values, &verdicts, &error));
  write_file("run_matrix", "outputs", answers, n_values * sizeof(double));
  write_verdicts("run_matrix", verdicts, matrix.n_rows);
  monobloc_verdicts_free(verdicts);
  free(answers);
}

static void answer_tensors(const monobloc_engine *engine, file_bytes list) {
  monobloc_tensor inputs[16];
  size_t shapes[16][8], n = 0;
  monobloc_tensors *tensors = NULL;
  monobloc_verdicts *verdicts = NULL;
  char *line = strtok(list.data, "\n");
  for (; line != NULL && n < 16; line = strtok(NULL, "\n"), n++) {
    char dtype[16], *rest = line;
    int used = 0;
    size_t axis;
    file_bytes elements;
    memset(&inputs[n], 0, sizeof inputs[n]);
    if (sscanf(rest, "%15s %zu %n", dtype, &inputs[n].rank, &used) != 2 || inputs[n].rank > 8) fail(line, NULL);
    rest += used;
    for (axis = 0; axis < inputs[n].rank; axis++) shapes[n][axis] = (size_t)strtoul(rest, &rest, 10);
    inputs[n].size = sizeof inputs[n];
    inputs[n].dtype = dtype_of(dtype);
    inputs[n].shape = shapes[n];
    inputs[n].name = rest + 1;
    if (!read_file("tensor", (int)n, &elements)) fail(line, NULL);
    inputs[n].elements = elements.data;
  }
  MUST(monobloc_engine_run_tensors(engine, inputs, n, &tensors, &verdicts, &error));
  answer_network(engine, "tensors", tensors, verdicts, shapes[0][0]);
}

/* Each target's labels, a line for each. */
static void tell_labels(const monobloc_engine *engine) {
  char *lines = (char *)room(1);
  size_t target, number, len = 0;
  for (target = 0; target < monobloc_engine_n_targets(engine); target++) {
    for (number = 0; number < monobloc_engine_n_target_classes(engine, target); number++) {
      monobloc_label label;
      char line[256];
      memset(&label, 0, sizeof label);
      label.size = sizeof label;
      MUST(monobloc_engine_target_label(engine, target, number, &label, &error));
      if (label.label_type == MONOBLOC_TEXT_LABEL) {
        snprintf(line, sizeof line, "%d %.*s\n", (int)target, (int)label.text.len, label.text.data);
      } else {
        snprintf(line, sizeof line, "%d %d\n", (int)target, (int)label.integer);
      }
      lines = (char *)realloc(lines, len + strlen(line) + 1);
      if (lines == NULL) fail("no memory", NULL);
      strcpy(lines + len, line);
      len += strlen(line);
    }
  }
  write_file("engine", "labels", lines, len);
  free(lines);
}

int main(int argc, char **argv) {
  monobloc_engine *engine = NULL;
  monobloc_bloc *bloc = NULL;
  monobloc_bytes *response = NULL;
  file_bytes bytes;
  if (argc != 3) return 2;
  folder = argv[2];
  MUST(monobloc_bloc_open(argv[1], NULL, &bloc, &error));
  MUST(monobloc_bloc_verify(bloc, &error));
  MUST(monobloc_bloc_replay_golden(bloc, &error));
  monobloc_bloc_free(bloc);
  MUST(monobloc_engine_load(argv[1], NULL, &engine, &error));
  tell_labels(engine);
  if (read_file("tensors.txt", -1, &bytes)) answer_tensors(engine, bytes);
  if (read_columns()) {
    monobloc_rows *rows = NULL;
    MUST(monobloc_rows_from_columns(engine, columns, n_columns, n_rows_of_columns, &rows, &error));
    take_rows(engine, "columns", rows);
    if (monobloc_engine_task(engine) != MONOBLOC_NETWORK) answer_prepared(engine);
  }
  if (read_file("matrix.bin", -1, &bytes)) answer_matrix(engine, bytes);
  if (read_file("body.json", -1, &bytes)) {
    monobloc_rows *rows = NULL;
    if (monobloc_engine_task(engine) != MONOBLOC_NETWORK) {
      MUST(monobloc_engine_run_json(engine, (const uint8_t *)bytes.data, bytes.len, &response, &error));
      write_bytes("run_json", "response", response);
    }
    MUST(monobloc_rows_from_json(engine, (const uint8_t *)bytes.data, bytes.len, &rows, &error));
    take_rows(engine, "json", rows);
  }
  if (read_file("rows.arrow", -1, &bytes)) {
    MUST(monobloc_engine_run_arrow(engine, (const uint8_t *)bytes.data, bytes.len, &response, &error));
    write_bytes("run_arrow", "response", response);
  }
  monobloc_engine_free(engine);
  return 0;
}
