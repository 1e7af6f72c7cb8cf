/* Calls with NULL where a pointer belongs, made of the header's prototypes by tests/nulls.rs, which writes calls.inc:
 * a function for each call, and `all`, which makes them. `nulls SAMPLE_BLOC NETWORK_BLOC BODY.arrow` ends with 0 when
 * all was as expected; NETWORK_BLOC is "" where the library runs no networks. */
#include "monobloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failures = 0;
static const char *bloc_path;
static monobloc_engine *sample, *network;
static uint8_t *arrow_body;
static size_t arrow_len;

static const double AGE = 40.0, BALANCE = 2.5;
static const char *const REGION = "north";
static const char BODY[] = "[{\"age\": 40, \"balance\": null, \"region\": \"north\"}]";
static double numbers[64];
static float singles[64];

static void failed(const char *call, const char *what, monobloc_status status, const monobloc_error *error) {
  monobloc_str message = monobloc_error_message(error);
  fprintf(stderr, "%s: %s: status %u: %.*s\n", call, what, (unsigned)status, (int)message.len,
          message.data == NULL ? "" : message.data);
  failures++;
}

static void expect_status(const char *call, monobloc_status status, monobloc_status expected, monobloc_error *error) {
  if (status != expected) failed(call, "another status was expected", status, error);
}

/* The status says that an argument is not usable, and the message which. */
static void expect_named(const char *call, const char *name, monobloc_status status, monobloc_error *error) {
  monobloc_str message = monobloc_error_message(error);
  char text[512] = {0};
  memcpy(text, message.data == NULL ? "" : message.data, message.len < sizeof text ? message.len : sizeof text - 1);
  expect_status(call, status, MONOBLOC_INVALID_ARGUMENT, error);
  if (strstr(text, name) == NULL || strstr(text, "NULL") == NULL) failed(call, "the argument is not named", status, error);
}

static void expect(const char *call, int holds) {
  if (!holds) failed(call, "the answer to NULL is another", 0, NULL);
}

static void must(monobloc_status status, const char *what) {
  if (status != MONOBLOC_OK) {
    fprintf(stderr, "%s: status %u\n", what, (unsigned)status);
    exit(2);
  }
}

static void new_columns(monobloc_column *columns) {
  memset(columns, 0, 3 * sizeof *columns);
  columns[0].size = columns[1].size = columns[2].size = sizeof *columns;
  columns[0].name = "age";
  columns[0].dtype = columns[1].dtype = MONOBLOC_FLOAT64;
  columns[0].values = &AGE;
  columns[1].name = "balance";
  columns[1].values = &BALANCE;
  columns[2].name = "region";
  columns[2].dtype = MONOBLOC_C_STRING;
  columns[2].values = &REGION;
}

static void new_matrix(monobloc_matrix *matrix) {
  static const double VALUES[3] = {40.0, 2.5, 0.0};
  memset(matrix, 0, sizeof *matrix);
  matrix->size = sizeof *matrix;
  matrix->dtype = MONOBLOC_FLOAT64;
  matrix->values = VALUES;
  matrix->n_rows = 1;
  matrix->n_columns = 3;
}

static void new_options(monobloc_load_options *options) {
  memset(options, 0, sizeof *options);
  options->size = sizeof *options;
  options->threads = 1;
}

static void new_tensor(monobloc_tensor *tensor) {
  static const size_t SHAPE[2] = {1, 64};
  memset(tensor, 0, sizeof *tensor);
  tensor->size = sizeof *tensor;
  tensor->name = "x";
  tensor->dtype = MONOBLOC_FLOAT32;
  tensor->rank = 2;
  tensor->shape = SHAPE;
  tensor->elements = singles;
}

static monobloc_rows *new_rows(void) {
  monobloc_column columns[3];
  monobloc_rows *rows = NULL;
  new_columns(columns);
  must(monobloc_rows_from_columns(sample, columns, 3, 1, &rows, NULL), "rows");
  return rows;
}

static monobloc_row *new_row(void) {
  monobloc_row *row = NULL;
  must(monobloc_row_new(sample, &row, NULL), "row");
  must(monobloc_row_set_f64(row, 0, AGE), "age");
  must(monobloc_row_set_f64(row, 1, BALANCE), "balance");
  must(monobloc_row_set_text(row, 2, REGION, strlen(REGION)), "region");
  return row;
}

static monobloc_bloc *new_bloc(void) {
  monobloc_bloc *bloc = NULL;
  must(monobloc_bloc_open(bloc_path, NULL, &bloc, NULL), "bloc");
  return bloc;
}

static monobloc_loading *new_loading(void) {
  monobloc_loading *loading = NULL;
  must(monobloc_engine_load_in_background(bloc_path, NULL, &loading, NULL), "loading");
  return loading;
}

static monobloc_error *new_error(void) {
  monobloc_error *error = NULL;
  monobloc_bloc_open("/nowhere.bloc", NULL, NULL, &error);
  return error;
}

static monobloc_bytes *new_bytes(void) {
  monobloc_bytes *bytes = NULL;
  must(monobloc_engine_json_schema(sample, &bytes, NULL), "bytes");
  return bytes;
}

static monobloc_verdicts *new_verdicts(void) {
  monobloc_rows *rows = NULL;
  monobloc_verdicts *verdicts = NULL;
  must(monobloc_rows_from_json(sample, (const uint8_t *)BODY, strlen(BODY), &rows, NULL), "rows");
  must(monobloc_engine_check(sample, rows, &verdicts, NULL), "verdicts");
  monobloc_rows_free(rows);
  return verdicts;
}

static monobloc_tensors *new_tensors(void) {
  monobloc_tensor tensor;
  monobloc_tensors *tensors = NULL;
  monobloc_verdicts *verdicts = NULL;
  if (network == NULL) return NULL;
  new_tensor(&tensor);
  must(monobloc_engine_run_tensors(network, &tensor, 1, &tensors, &verdicts, NULL), "tensors");
  monobloc_verdicts_free(verdicts);
  return tensors;
}

static struct ArrowArrayStream new_stream(void) {
  struct ArrowArrayStream stream;
  monobloc_rows *rows = new_rows();
  must(monobloc_engine_run_to_arrow(sample, rows, &stream, NULL), "stream");
  monobloc_rows_free(rows);
  return stream;
}

static struct ArrowArray new_array(void) {
  struct ArrowArray array;
  struct ArrowArrayStream stream = new_stream();
  if (stream.get_next(&stream, &array) != 0) exit(2);
  stream.release(&stream);
  return array;
}

static struct ArrowSchema new_schema(void) {
  struct ArrowSchema schema;
  struct ArrowArrayStream stream = new_stream();
  if (stream.get_schema(&stream, &schema) != 0) exit(2);
  stream.release(&stream);
  return schema;
}

static void hear(void *userdata, uint32_t level, monobloc_str message) {
  (void)userdata, (void)level, (void)message;
}

/* Structures that were released before. */
static void released(void) {
  monobloc_error *error = NULL;
  monobloc_rows *rows = NULL;
  struct ArrowArray array = new_array();
  struct ArrowSchema schema = {0};
  struct ArrowArrayStream stream = {0};
  expect_status("a released schema", monobloc_rows_from_arrow(sample, &array, &schema, &rows, &error), MONOBLOC_SCHEMA, error);
  expect("a released schema: the array is taken over", array.release == NULL && rows == NULL);
  monobloc_error_free(error);
  schema = new_schema();
  expect_status("a released array", monobloc_rows_from_arrow(sample, &array, &schema, &rows, &error), MONOBLOC_SCHEMA, error);
  expect("a released array: the schema is taken over", schema.release == NULL && rows == NULL);
  monobloc_error_free(error);
  schema = new_schema();
  monobloc_rows_from_arrow(sample, NULL, &schema, &rows, NULL);
  expect("no array: the schema is taken over", schema.release == NULL && rows == NULL);
  expect_status("a released stream", monobloc_rows_from_arrow_stream(sample, &stream, &rows, &error), MONOBLOC_SCHEMA, error);
  monobloc_error_free(error);
}

#include "calls.inc"

int main(int argc, char **argv) {
  FILE *file;
  if (argc != 4) return 2;
  bloc_path = argv[1];
  file = fopen(argv[3], "rb");
  arrow_body = malloc(1 << 16);
  if (file == NULL || arrow_body == NULL) return 2;
  arrow_len = fread(arrow_body, 1, 1 << 16, file);
  fclose(file);
  must(monobloc_engine_load(bloc_path, NULL, &sample, NULL), "sample");
  if (argv[2][0] != '\0') must(monobloc_engine_load(argv[2], NULL, &network, NULL), "network");
  all();
  released();
  monobloc_engine_free(sample);
  monobloc_engine_free(network);
  free(arrow_body);
  if (failures == 0) puts("all as expected");
  return failures != 0;
}
