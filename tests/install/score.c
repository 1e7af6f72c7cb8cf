#include <monobloc.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

static int fail(monobloc_error *error) {
  monobloc_str message = monobloc_error_message(error);
  fprintf(stderr, "%.*s\n", (int)message.len, message.data);
  return 1;
}

int main(int argc, char **argv) {
  static const double AGES[] = {25.0, 61.5, NAN};
  static const double BALANCES[] = {-10.0, 2500.0, 0.5};
  static const char *const REGIONS[] = {"north", "mars", "east"};
  monobloc_engine *engine = NULL;
  monobloc_row *row = NULL;
  monobloc_error *error = NULL;
  double outputs[2];
  size_t at;
  if (argc != 2) return 2;
  if (monobloc_engine_load(argv[1], NULL, &engine, &error) != MONOBLOC_OK) return fail(error);
  if (monobloc_row_new(engine, &row, &error) != MONOBLOC_OK) return fail(error);
  for (at = 0; at < 3; at++) {
    monobloc_row_set_f64(row, 0, AGES[at]);
    monobloc_row_set_f64(row, 1, BALANCES[at]);
    monobloc_row_set_text(row, 2, REGIONS[at], strlen(REGIONS[at]));
    if (monobloc_row_predict(row, MONOBLOC_OUTPUTS, outputs, 2, &error) != MONOBLOC_OK) return fail(error);
    printf("%.17g %.17g\n", outputs[0], outputs[1]);
  }
  monobloc_row_free(row);
  monobloc_engine_free(engine);
  return 0;
}
