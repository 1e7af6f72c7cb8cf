/* A program that was compiled against the header beside it runs with every later library: `program BLOC`. The layout
 * that it was compiled for is asserted, so that the recorded header can't change unseen. */
#include "monobloc.h"

#include <stdio.h>
#include <string.h>

#define SIZE(type, bytes) typedef char size_of_##type[sizeof(type) == (bytes) ? 1 : -1]
#define AT(type, member, bytes) typedef char offset_of_##type##_##member[offsetof(type, member) == (bytes) ? 1 : -1]

#if UINTPTR_MAX == 0xFFFFFFFFFFFFFFFF
SIZE(monobloc_matrix, 56);
AT(monobloc_matrix, size, 0);
AT(monobloc_matrix, dtype, 8);
AT(monobloc_matrix, values, 16);
AT(monobloc_matrix, n_rows, 24);
AT(monobloc_matrix, n_columns, 32);
AT(monobloc_matrix, row_stride, 40);
AT(monobloc_matrix, column_stride, 48);
SIZE(monobloc_str, 16);
AT(monobloc_str, data, 0);
AT(monobloc_str, len, 8);
SIZE(monobloc_load_options, 104);
AT(monobloc_load_options, size, 0);
AT(monobloc_load_options, digest, 8);
AT(monobloc_load_options, threads, 16);
AT(monobloc_load_options, workers, 24);
AT(monobloc_load_options, max_body_bytes, 32);
AT(monobloc_load_options, verify_full, 40);
AT(monobloc_load_options, no_monitor, 41);
AT(monobloc_load_options, state_dir, 48);
AT(monobloc_load_options, window_seconds, 56);
AT(monobloc_load_options, window_rows, 64);
AT(monobloc_load_options, on_event, 72);
AT(monobloc_load_options, event_userdata, 80);
AT(monobloc_load_options, event_sample, 88);
AT(monobloc_load_options, events_per_second, 96);
SIZE(monobloc_load_report, 40);
AT(monobloc_load_report, size, 0);
AT(monobloc_load_report, seconds, 8);
AT(monobloc_load_report, mapped_bytes, 16);
AT(monobloc_load_report, private_bytes, 24);
AT(monobloc_load_report, n_warnings, 32);
SIZE(monobloc_health, 40);
AT(monobloc_health, size, 0);
AT(monobloc_health, is_ok, 8);
AT(monobloc_health, file_changed, 9);
AT(monobloc_health, rows, 16);
AT(monobloc_health, out_of_distribution_ratio, 24);
AT(monobloc_health, out_of_distribution_limit, 32);
SIZE(monobloc_snapshot, 112);
AT(monobloc_snapshot, size, 0);
AT(monobloc_snapshot, requests, 8);
AT(monobloc_snapshot, errors, 16);
AT(monobloc_snapshot, seconds, 24);
AT(monobloc_snapshot, rows, 32);
AT(monobloc_snapshot, flagged, 40);
AT(monobloc_snapshot, repaired, 48);
AT(monobloc_snapshot, rejected, 56);
AT(monobloc_snapshot, out_of_distribution, 64);
AT(monobloc_snapshot, in_flight, 72);
AT(monobloc_snapshot, workers, 80);
AT(monobloc_snapshot, window_rows, 88);
AT(monobloc_snapshot, window_rejected, 96);
AT(monobloc_snapshot, window_out_of_distribution, 104);
SIZE(monobloc_cpu_budget, 32);
AT(monobloc_cpu_budget, size, 0);
AT(monobloc_cpu_budget, threads, 8);
AT(monobloc_cpu_budget, workers, 16);
AT(monobloc_cpu_budget, quota, 24);
SIZE(monobloc_footprint, 56);
AT(monobloc_footprint, size, 0);
AT(monobloc_footprint, workers, 8);
AT(monobloc_footprint, threads, 16);
AT(monobloc_footprint, shared_bytes, 24);
AT(monobloc_footprint, worker_bytes, 32);
AT(monobloc_footprint, total_bytes, 40);
AT(monobloc_footprint, limit_bytes, 48);
SIZE(monobloc_column, 48);
AT(monobloc_column, size, 0);
AT(monobloc_column, name, 8);
AT(monobloc_column, dtype, 16);
AT(monobloc_column, values, 24);
AT(monobloc_column, stride, 32);
AT(monobloc_column, validity, 40);
SIZE(monobloc_field, 72);
AT(monobloc_field, size, 0);
AT(monobloc_field, name, 8);
AT(monobloc_field, kind, 24);
AT(monobloc_field, kind_name, 32);
AT(monobloc_field, dtype, 48);
AT(monobloc_field, is_read, 64);
SIZE(monobloc_tensor_field, 48);
AT(monobloc_tensor_field, size, 0);
AT(monobloc_tensor_field, name, 8);
AT(monobloc_tensor_field, dtype, 24);
AT(monobloc_tensor_field, rank, 32);
AT(monobloc_tensor_field, shape, 40);
SIZE(monobloc_label, 48);
AT(monobloc_label, size, 0);
AT(monobloc_label, label_type, 8);
AT(monobloc_label, integer, 16);
AT(monobloc_label, number, 24);
AT(monobloc_label, text, 32);
SIZE(monobloc_tensor, 48);
AT(monobloc_tensor, size, 0);
AT(monobloc_tensor, name, 8);
AT(monobloc_tensor, dtype, 16);
AT(monobloc_tensor, rank, 24);
AT(monobloc_tensor, shape, 32);
AT(monobloc_tensor, elements, 40);
SIZE(monobloc_tensor_view, 64);
AT(monobloc_tensor_view, size, 0);
AT(monobloc_tensor_view, name, 8);
AT(monobloc_tensor_view, dtype, 24);
AT(monobloc_tensor_view, rank, 32);
AT(monobloc_tensor_view, shape, 40);
AT(monobloc_tensor_view, elements, 48);
AT(monobloc_tensor_view, n_elements, 56);
SIZE(monobloc_finding, 104);
AT(monobloc_finding, size, 0);
AT(monobloc_finding, row, 8);
AT(monobloc_finding, status, 16);
AT(monobloc_finding, kind, 20);
AT(monobloc_finding, kind_name, 24);
AT(monobloc_finding, field, 40);
AT(monobloc_finding, seen, 56);
AT(monobloc_finding, used, 72);
AT(monobloc_finding, reason, 88);
#endif

static int failures = 0;

#define EXPECT(condition)                                                      \
  do {                                                                         \
    if (!(condition)) {                                                        \
      fprintf(stderr, "%s:%d: expected %s\n", __FILE__, __LINE__, #condition); \
      failures++;                                                              \
    }                                                                          \
  } while (0)

int main(int argc, char **argv) {
  static const double AGE = 40.0, BALANCE = 1e-310;
  static const char *const REGION = "south";
  monobloc_load_options options;
  monobloc_engine *engine = NULL;
  monobloc_error *error = NULL;
  monobloc_rows *rows = NULL;
  monobloc_row *row = NULL;
  monobloc_verdicts *verdicts = NULL;
  monobloc_bytes *text = NULL;
  monobloc_column columns[3];
  monobloc_field field;
  monobloc_label label;
  monobloc_snapshot snapshot;
  double answers[2], again[2];
  if (argc != 2) return 2;
  EXPECT(monobloc_abi_version() >= MONOBLOC_ABI_VERSION);
  memset(&options, 0, sizeof options);
  options.size = sizeof options;
  options.threads = 1;
  options.verify_full = true;
  if (monobloc_engine_load(argv[1], &options, &engine, &error) != MONOBLOC_OK) {
    monobloc_str message = monobloc_error_message(error);
    fprintf(stderr, "%.*s\n", (int)message.len, message.data);
    return 1;
  }
  memset(columns, 0, sizeof columns);
  columns[0].size = columns[1].size = columns[2].size = sizeof columns[0];
  columns[0].name = "age";
  columns[0].dtype = columns[1].dtype = MONOBLOC_FLOAT64;
  columns[0].values = &AGE;
  columns[1].name = "balance";
  columns[1].values = &BALANCE;
  columns[2].name = "region";
  columns[2].dtype = MONOBLOC_C_STRING;
  columns[2].values = &REGION;
  EXPECT(monobloc_rows_from_columns(engine, columns, 3, 1, &rows, &error) == MONOBLOC_OK);
  EXPECT(monobloc_engine_run(engine, rows, MONOBLOC_OUTPUTS, answers, 2, &verdicts, &error) == MONOBLOC_OK);
  EXPECT(verdicts == NULL && answers[1] < answers[0]);
  EXPECT(monobloc_row_new(engine, &row, &error) == MONOBLOC_OK);
  EXPECT(monobloc_row_set_f64(row, 0, AGE) == MONOBLOC_OK);
  EXPECT(monobloc_row_set_f64(row, 1, BALANCE) == MONOBLOC_OK);
  EXPECT(monobloc_row_set_text(row, 2, REGION, strlen(REGION)) == MONOBLOC_OK);
  EXPECT(monobloc_row_predict(row, MONOBLOC_OUTPUTS, again, 2, &error) == MONOBLOC_OK);
  EXPECT(memcmp(answers, again, sizeof answers) == 0);
  memset(&field, 0, sizeof field);
  field.size = sizeof field;
  EXPECT(monobloc_engine_field(engine, 2, &field, &error) == MONOBLOC_OK);
  EXPECT(field.size == sizeof field && field.kind == MONOBLOC_STRING_FIELD && field.is_read);
  memset(&label, 0, sizeof label);
  label.size = sizeof label;
  EXPECT(monobloc_engine_label(engine, 1, &label, &error) == MONOBLOC_OK);
  EXPECT(label.label_type == MONOBLOC_INTEGER_LABEL && label.integer == 1);
  memset(&snapshot, 0, sizeof snapshot);
  snapshot.size = sizeof snapshot;
  EXPECT(monobloc_engine_snapshot(engine, &snapshot, &error) == MONOBLOC_OK && snapshot.rows == 2);
  EXPECT(monobloc_engine_load("/nowhere.bloc", NULL, &engine, &error) == MONOBLOC_NOT_FOUND);
  EXPECT(monobloc_error_status(error) == MONOBLOC_NOT_FOUND && monobloc_error_http_status(error) == 503);
  monobloc_error_free(error);
  EXPECT(monobloc_engine_metrics(engine, "prometheus", &text, &error) == MONOBLOC_OK);
  EXPECT(strstr(monobloc_bytes_data(text), "monobloc_rows_total") != NULL);
  monobloc_bytes_free(text);
  monobloc_row_free(row);
  monobloc_rows_free(rows);
  monobloc_engine_free(engine);
  if (failures == 0) puts("all as expected");
  return failures != 0;
}
