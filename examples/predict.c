/* Scores the rows of a CSV file: `predict BLOC ROWS.csv`.
 *
 *     cc -std=c99 -o predict predict.c $(pkg-config --cflags --libs monobloc)
 *
 * The file and what is printed are described in predict.rs, and are the same in C, C++, Python and Rust: for each field
 * `name kind dtype`, for each row its outputs, for each thing found in a row `row N: status: field: reason`. Where two
 * decimals are equally near to a number, Rust prints the greater one and C the even one; some powers of two, such as
 * 2^-44, get a digit more here.
 */
#define _POSIX_C_SOURCE 200809L
#include <monobloc.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const size_t NO_FIELD = SIZE_MAX;
static const char *const STATUS[] = {"ok", "flagged", "repaired", "rejected"};

static void fail(const char *what) {
  fprintf(stderr, "predict: %s\n", what);
  exit(1);
}

/* Ends the program where a call failed, and says why. */
static void check(monobloc_status status, monobloc_error *error) {
  if (status != MONOBLOC_OK) {
    monobloc_str message = monobloc_error_message(error);
    fprintf(stderr, "predict: %.*s\n", (int)message.len, message.data);
    exit(1);
  }
}

/* The fewest digits that read back as the same number, as Rust's `{:?}` lays them out. */
static void print_number(double number) {
  char text[32], digits[32];
  int precision, exponent, at, n_digits = 0;
  if (!isfinite(number)) {
    fputs(isnan(number) ? "NaN" : number > 0 ? "inf" : "-inf", stdout);
    return;
  }
  for (precision = 0; precision < 17; precision++) {
    snprintf(text, sizeof text, "%.*e", precision, number);
    if (strtod(text, NULL) == number) break;
  }
  exponent = atoi(strchr(text, 'e') + 1);
  for (at = 0; text[at] != 'e'; at++) {
    if (text[at] >= '0' && text[at] <= '9') digits[n_digits++] = text[at];
  }
  if (signbit(number)) putchar('-');
  if (exponent >= 16 || (exponent < -4 && number != 0)) {
    putchar(digits[0]);
    if (n_digits > 1) printf(".%.*s", n_digits - 1, digits + 1);
    printf("e%d", exponent);
  } else if (exponent < 0) {
    fputs("0.", stdout);
    for (at = exponent; at < -1; at++) putchar('0');
    printf("%.*s", n_digits, digits);
  } else {
    for (at = 0; at <= exponent; at++) putchar(at < n_digits ? digits[at] : '0');
    putchar('.');
    if (n_digits > exponent + 1) {
      printf("%.*s", n_digits - exponent - 1, digits + exponent + 1);
    } else {
      putchar('0');
    }
  }
}

/* The next line without its end; NULL after the last. It is valid until the next one is read. */
static char *next_line(FILE *file, char **line, size_t *capacity) {
  if (getline(line, capacity, file) < 0) return NULL;
  (*line)[strcspn(*line, "\r\n")] = '\0';
  return *line;
}

/* Cuts the line at its next comma; NULL where there is none left. */
static char *next_cell(char **rest) {
  char *cell = *rest, *comma;
  if (cell == NULL) return NULL;
  comma = strchr(cell, ',');
  if (comma != NULL) *comma = '\0';
  *rest = comma == NULL ? NULL : comma + 1;
  return cell;
}

static void set(monobloc_row *row, size_t number, const monobloc_field *field, const char *cell) {
  monobloc_status status;
  if (*cell == '\0') {
    status = monobloc_row_set_missing(row, number);
  } else if (field->kind == MONOBLOC_STRING_FIELD) {
    status = monobloc_row_set_text(row, number, cell, strlen(cell));
  } else {
    char *end;
    double value = strtod(cell, &end);
    if (*end != '\0') fail("a cell of a field of numbers holds something else");
    status = monobloc_row_set_f64(row, number, value);
  }
  if (status != MONOBLOC_OK) fail("a cell is not UTF-8");
}

int main(int argc, char **argv) {
  monobloc_engine *engine = NULL;
  monobloc_row *row = NULL;
  monobloc_error *error = NULL;
  monobloc_verdicts **verdicts = NULL; /* NULL for a row in which nothing was found */
  monobloc_field *fields;
  size_t *columns = NULL;
  size_t n_fields, n_columns = 0, n_rows = 0, n_values, capacity = 0, at;
  char *line = NULL, *rest, *cell;
  double *values;
  FILE *file;

  if (argc != 3) {
    fputs("usage: predict BLOC ROWS.csv\n", stderr);
    return 2;
  }
  /* Loading maps the file and proves its structure, which costs little whatever the model's size. */
  check(monobloc_engine_load(argv[1], NULL, &engine, &error), error);

  n_fields = monobloc_engine_n_fields(engine);
  fields = calloc(n_fields + 1, sizeof *fields);
  n_values = monobloc_engine_answer_width(engine, MONOBLOC_OUTPUTS);
  values = calloc(n_values + 1, sizeof *values);
  if (fields == NULL || values == NULL) fail("no memory");
  for (at = 0; at < n_fields; at++) {
    fields[at].size = sizeof fields[at];
    check(monobloc_engine_field(engine, at, &fields[at], &error), error);
    printf("%.*s %.*s %.*s\n", (int)fields[at].name.len, fields[at].name.data, (int)fields[at].kind_name.len,
           fields[at].kind_name.data, (int)fields[at].dtype.len, fields[at].dtype.data);
  }

  file = fopen(argv[2], "r");
  if (file == NULL) fail("the file of rows cannot be opened");
  rest = next_line(file, &line, &capacity);
  if (rest == NULL) fail("the file of rows is empty; expected a line of names");
  while ((cell = next_cell(&rest)) != NULL) {
    columns = realloc(columns, (n_columns + 1) * sizeof *columns);
    if (columns == NULL) fail("no memory");
    columns[n_columns] = NO_FIELD;
    monobloc_engine_field_number(engine, cell, &columns[n_columns], NULL); /* stays where there is no such field */
    n_columns++;
  }

  /* One row, whose memory is used again for each line. A bad row is no error: its outputs are NaN, and there is a
   * verdict. */
  check(monobloc_row_new(engine, &row, &error), error);
  while ((rest = next_line(file, &line, &capacity)) != NULL) {
    size_t column = 0;
    while ((cell = next_cell(&rest)) != NULL && column < n_columns) {
      size_t number = columns[column++];
      if (number != NO_FIELD) set(row, number, &fields[number], cell);
    }
    if (cell != NULL || column != n_columns) fail("a line has another number of cells than the first");
    verdicts = realloc(verdicts, (n_rows + 1) * sizeof *verdicts);
    if (verdicts == NULL) fail("no memory");
    check(monobloc_row_run(row, MONOBLOC_OUTPUTS, values, n_values, &verdicts[n_rows++], &error), error);
    for (at = 0; at < n_values; at++) {
      if (at > 0) putchar(' ');
      print_number(values[at]);
    }
    putchar('\n');
  }

  for (at = 0; at < n_rows; at++) {
    size_t number;
    for (number = 0; number < monobloc_verdicts_n_findings(verdicts[at]); number++) {
      monobloc_finding finding = {.size = sizeof finding};
      check(monobloc_verdicts_finding(verdicts[at], number, &finding, &error), error);
      printf("row %zu: %s: %.*s: %.*s\n", at, STATUS[finding.status], (int)finding.field.len, finding.field.data,
             (int)finding.reason.len, finding.reason.data);
    }
    monobloc_verdicts_free(verdicts[at]);
  }
  free(verdicts);
  free(columns);
  free(values);
  free(fields);
  free(line);
  fclose(file);
  monobloc_row_free(row);
  monobloc_engine_free(engine);
  return 0;
}
