/* What a call of the C face takes, and what it allocates: for benches/embedded.py.
 *
 * `embedded BLOC FOLDER THREADS` reads from the folder `rows.bin`, doubles row after row, and where there is one
 * `columns.txt` with a line for each column (`number`, `integer`, `boolean` or `text`, and its name), whose values are
 * in `column_N.bin`: doubles where NaN is missing, or a length (-1 where missing) and as many bytes. It does what lines
 * on standard input say and prints a line for each:
 *
 *   answer matrix|row FILE           writes the outputs of all rows
 *   matrix BATCH FIRST COUNT         COUNT calls on the next BATCH rows each, from batch FIRST on
 *   row FIRST COUNT                  the same on one row each, all values of which are set before
 *   set FIRST COUNT                  sets the values alone
 *   lightgbm LIBRARY MODEL FIRST COUNT   the same rows by LightGBM's fast path for single rows
 *
 * A line of times is the allocations of all calls, and the nanoseconds of each. */
#define _GNU_SOURCE
#include "monobloc.h"

#include <dlfcn.h>
#include <errno.h>
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- allocations, counted ---- */

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
static atomic_ulong allocations;

void *malloc(size_t size) {
  atomic_fetch_add_explicit(&allocations, 1, memory_order_relaxed);
  return __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
  atomic_fetch_add_explicit(&allocations, 1, memory_order_relaxed);
  return __libc_calloc(count, size);
}

void *realloc(void *place, size_t size) {
  atomic_fetch_add_explicit(&allocations, 1, memory_order_relaxed);
  return __libc_realloc(place, size);
}

int posix_memalign(void **place, size_t alignment, size_t size) {
  atomic_fetch_add_explicit(&allocations, 1, memory_order_relaxed);
  *place = __libc_memalign(alignment, size);
  return *place == NULL ? ENOMEM : 0;
}

void *aligned_alloc(size_t alignment, size_t size) {
  atomic_fetch_add_explicit(&allocations, 1, memory_order_relaxed);
  return __libc_memalign(alignment, size);
}

/* ---- rows ---- */

enum kind { NUMBER, INTEGER, BOOLEAN, TEXT };
enum { MOST_COLUMNS = 64 };

struct column {
  enum kind kind;
  char name[64];
  size_t field;
  double *numbers;
  monobloc_str *texts;
};

static const char *folder;
static monobloc_engine *engine;
static double *matrix_values;
static size_t n_rows, n_fields, n_columns, width;
static struct column columns[MOST_COLUMNS];
static double *out, *times;

static void fail(const char *what, monobloc_error *error) {
  monobloc_str message = monobloc_error_message(error);
  fprintf(stderr, "%s: %.*s\n", what, (int)message.len, message.data == NULL ? "" : message.data);
  exit(1);
}

#define MUST(call)                                   \
  do {                                               \
    monobloc_error *error = NULL;                    \
    if ((call) != MONOBLOC_OK) fail(#call, error);   \
  } while (0)

static char *read_file(const char *name, size_t *len) {
  char path[4096];
  FILE *file;
  char *bytes;
  snprintf(path, sizeof path, "%s/%s", folder, name);
  file = fopen(path, "rb");
  if (file == NULL) return NULL;
  fseek(file, 0, SEEK_END);
  *len = (size_t)ftell(file);
  rewind(file);
  bytes = calloc(*len + 1, 1);
  if (bytes == NULL || fread(bytes, 1, *len, file) != *len) fail(path, NULL);
  fclose(file);
  return bytes;
}

static void read_column(const char *line) {
  static const char *const KINDS[] = {"number", "integer", "boolean", "text"};
  struct column *column = &columns[n_columns];
  char kind[16], name[32], *bytes;
  size_t len, at;
  if (n_columns == MOST_COLUMNS || sscanf(line, "%15s %63s", kind, column->name) != 2) fail(line, NULL);
  while (column->kind < TEXT && strcmp(KINDS[column->kind], kind) != 0) column->kind++;
  snprintf(name, sizeof name, "column_%zu.bin", n_columns);
  bytes = read_file(name, &len);
  if (bytes == NULL) fail(name, NULL);
  if (column->kind == TEXT) {
    column->texts = calloc(n_rows, sizeof(monobloc_str));
    for (at = 0; at < n_rows; at++) {
      int64_t bytes_of_text;
      memcpy(&bytes_of_text, bytes, sizeof bytes_of_text);
      bytes += sizeof bytes_of_text;
      if (bytes_of_text < 0) continue;
      column->texts[at].data = bytes;
      column->texts[at].len = (size_t)bytes_of_text;
      bytes += bytes_of_text;
    }
  } else {
    column->numbers = (double *)(void *)bytes;
    n_rows = len / sizeof(double);
  }
  MUST(monobloc_engine_field_number(engine, column->name, &column->field, &error));
  n_columns++;
}

static void set_values(monobloc_row *row, size_t at) {
  size_t number;
  for (number = 0; number < n_columns; number++) {
    const struct column *column = &columns[number];
    double value = column->kind == TEXT ? 0.0 : column->numbers[at];
    if (column->kind == TEXT) {
      monobloc_str text = column->texts[at];
      if (text.data == NULL) {
        monobloc_row_set_missing(row, column->field);
      } else {
        monobloc_row_set_text(row, column->field, text.data, text.len);
      }
    } else if (column->kind == NUMBER) {
      monobloc_row_set_f64(row, column->field, value);
    } else if (column->kind == INTEGER) {
      monobloc_row_set_i64(row, column->field, (int64_t)value);
    } else {
      monobloc_row_set_bool(row, column->field, value != 0.0);
    }
  }
}

static monobloc_matrix matrix_of(size_t first, size_t count) {
  monobloc_matrix matrix = {.size = sizeof matrix, .dtype = MONOBLOC_FLOAT64};
  matrix.values = matrix_values + first * n_fields;
  matrix.n_rows = count;
  matrix.n_columns = n_fields;
  return matrix;
}

static void predict_matrix(size_t first, size_t count, double *answers) {
  monobloc_matrix matrix = matrix_of(first, count);
  MUST(monobloc_engine_predict_matrix(engine, &matrix, MONOBLOC_OUTPUTS, answers, count * width, &error));
}

static void predict_row(monobloc_row *row, size_t at, double *answers) {
  set_values(row, at);
  MUST(monobloc_row_predict(row, MONOBLOC_OUTPUTS, answers, width, &error));
}

/* ---- commands ---- */

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static void say(unsigned long before, size_t count) {
  size_t call;
  printf("%lu", atomic_load(&allocations) - before);
  for (call = 0; call < count; call++) printf(" %.0f", times[call]);
  puts("");
}

static void answer(const char *entrance, const char *path) {
  FILE *file = fopen(path, "wb");
  double *answers = calloc(n_rows * width, sizeof(double));
  size_t at;
  if (file == NULL || answers == NULL) fail(path, NULL);
  if (strcmp(entrance, "matrix") == 0) {
    predict_matrix(0, n_rows, answers);
  } else {
    monobloc_row *row = NULL;
    MUST(monobloc_row_new(engine, &row, &error));
    for (at = 0; at < n_rows; at++) predict_row(row, at, answers + at * width);
    monobloc_row_free(row);
  }
  fwrite(answers, sizeof(double), n_rows * width, file);
  fclose(file);
  free(answers);
  puts("");
}

static void time_matrix(size_t batch, size_t first, size_t count) {
  const size_t batches = n_rows / batch;
  unsigned long before = atomic_load(&allocations);
  size_t call;
  for (call = 0; call < count; call++) {
    const size_t row = (first + call) % batches * batch;
    const double begun = now();
    predict_matrix(row, batch, out);
    times[call] = now() - begun;
  }
  say(before, count);
}

static void time_row(size_t first, size_t count, int predicts) {
  static monobloc_row *row;
  unsigned long before;
  size_t call;
  if (row == NULL) MUST(monobloc_row_new(engine, &row, &error));
  before = atomic_load(&allocations);
  for (call = 0; call < count; call++) {
    const size_t at = (first + call) % n_rows;
    const double begun = now();
    if (predicts) {
      predict_row(row, at, out);
    } else {
      set_values(row, at);
    }
    times[call] = now() - begun;
  }
  say(before, count);
}

static void time_lightgbm(const char *library, const char *model, size_t first, size_t count) {
  static int (*predict)(void *, const void *, int64_t *, double *);
  static void *config;
  unsigned long before;
  size_t call;
  int64_t len = 0;
  if (predict == NULL) {
    int (*create)(const char *, int *, void **);
    int (*init)(void *, int, int, int, int, int32_t, const char *, void **);
    void *handle = dlopen(library, RTLD_NOW), *booster;
    int iterations;
    if (handle == NULL) fail(dlerror(), NULL);
    *(void **)&create = dlsym(handle, "LGBM_BoosterCreateFromModelfile");
    *(void **)&init = dlsym(handle, "LGBM_BoosterPredictForMatSingleRowFastInit");
    *(void **)&predict = dlsym(handle, "LGBM_BoosterPredictForMatSingleRowFast");
    /* Doubles (1), probabilities (0), all iterations, one thread. */
    if (create(model, &iterations, &booster) != 0 ||
        init(booster, 0, 0, -1, 1, (int32_t)n_fields, "num_threads=1", &config) != 0) {
      fail(model, NULL);
    }
  }
  before = atomic_load(&allocations);
  for (call = 0; call < count; call++) {
    const size_t row = (first + call) % n_rows;
    const double begun = now();
    if (predict(config, matrix_values + row * n_fields, &len, out) != 0) fail(model, NULL);
    times[call] = now() - begun;
  }
  say(before, count);
}

int main(int argc, char **argv) {
  monobloc_load_options options = {.size = sizeof options};
  char line[8192], *list;
  size_t len, most_calls = 1 << 20;
  if (argc != 4) return 2;
  folder = argv[2];
  options.threads = (size_t)strtoul(argv[3], NULL, 10);
  MUST(monobloc_engine_load(argv[1], &options, &engine, &error));
  n_fields = monobloc_engine_n_fields(engine);
  width = monobloc_engine_answer_width(engine, MONOBLOC_OUTPUTS);
  matrix_values = (double *)(void *)read_file("rows.bin", &len);
  if (matrix_values != NULL) n_rows = len / sizeof(double) / n_fields;
  list = read_file("columns.txt", &len);
  if (list != NULL) {
    char *rest = NULL, *one = strtok_r(list, "\n", &rest);
    for (; one != NULL; one = strtok_r(NULL, "\n", &rest)) read_column(one);
  }
  out = calloc(n_rows * width, sizeof(double));
  times = calloc(most_calls, sizeof(double));
  if (out == NULL || times == NULL) return 1;
  puts("");
  fflush(stdout);
  while (fgets(line, sizeof line, stdin) != NULL) {
    char first[4096], second[4096];
    size_t a, b, c;
    if (sscanf(line, "answer %4095s %4095s", first, second) == 2) {
      answer(first, second);
    } else if (sscanf(line, "matrix %zu %zu %zu", &a, &b, &c) == 3 && c <= most_calls) {
      time_matrix(a, b, c);
    } else if (sscanf(line, "row %zu %zu", &a, &b) == 2 && b <= most_calls) {
      time_row(a, b, 1);
    } else if (sscanf(line, "set %zu %zu", &a, &b) == 2 && b <= most_calls) {
      time_row(a, b, 0);
    } else if (sscanf(line, "lightgbm %4095s %4095s %zu %zu", first, second, &a, &b) == 4 && b <= most_calls) {
      time_lightgbm(first, second, a, b);
    } else {
      fail(line, NULL);
    }
    fflush(stdout);
  }
  monobloc_engine_free(engine);
  return 0;
}
