/* Monobloc: a model, its preprocessing and its checks, run from one mapped file.
 *
 * Every call that may fail gives a monobloc_status, and an error to read to *out_error where that is not NULL: NULL
 * where all is well, else freed by the caller with monobloc_error_free. (Calls that set a value of a prepared row give
 * the status alone.) Other places are written on success alone.
 * A NULL handle, or another pointer that must not be NULL, is MONOBLOC_INVALID_ARGUMENT. Functions that free take NULL.
 * No call throws, jumps out or ends the process for what it was given.
 */


#ifndef MONOBLOC_H
#define MONOBLOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#ifndef ARROW_C_DATA_INTERFACE
#define ARROW_C_DATA_INTERFACE
#define ARROW_FLAG_DICTIONARY_ORDERED 1
#define ARROW_FLAG_NULLABLE 2
#define ARROW_FLAG_MAP_KEYS_SORTED 4
struct ArrowSchema {
  const char *format;
  const char *name;
  const char *metadata;
  int64_t flags;
  int64_t n_children;
  struct ArrowSchema **children;
  struct ArrowSchema *dictionary;
  void (*release)(struct ArrowSchema *);
  void *private_data;
};
struct ArrowArray {
  int64_t length;
  int64_t null_count;
  int64_t offset;
  int64_t n_buffers;
  int64_t n_children;
  const void **buffers;
  struct ArrowArray **children;
  struct ArrowArray *dictionary;
  void (*release)(struct ArrowArray *);
  void *private_data;
};
#endif

#ifndef ARROW_C_STREAM_INTERFACE
#define ARROW_C_STREAM_INTERFACE
struct ArrowArrayStream {
  int (*get_schema)(struct ArrowArrayStream *, struct ArrowSchema *out);
  int (*get_next)(struct ArrowArrayStream *, struct ArrowArray *out);
  const char *(*get_last_error)(struct ArrowArrayStream *);
  void (*release)(struct ArrowArrayStream *);
  void *private_data;
};
#endif


/**
 * The version of the binary interface that this header describes. It grows when something is added; a library can be
 * used by programs that were compiled for its own version or an older one.
 */
#define MONOBLOC_ABI_VERSION 1

/**
 * What became of a call: 0, or the number of the kind of error. Numbers are the same in every language, and are never
 * used again for something else; later versions may give further ones.
 */
enum monobloc_status
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /** All is well. */
  MONOBLOC_OK = 0,
  /** The file is not what its manifest says: truncated, altered or malformed. Copy or pack it again. */
  MONOBLOC_CORRUPT = 1,
  /** The bloc's digest is not the pinned one. Deploy the bloc that the digest belongs to. */
  MONOBLOC_DIGEST_MISMATCH = 2,
  /** The engine's answers on the golden rows differ from the source model's. Do not deploy this bloc. */
  MONOBLOC_GOLDEN_MISMATCH = 3,
  /** A fault of this library's own. Please report it. */
  MONOBLOC_INTERNAL = 4,
  /** An argument of a call is not usable. The message says which values are. */
  MONOBLOC_INVALID_ARGUMENT = 5,
  /** The operating system refused to read or write. */
  MONOBLOC_IO = 6,
  /** The path leads to something that is no bloc: a directory, a device, another kind of file. */
  MONOBLOC_NOT_A_BLOC = 7,
  /** There is no file at the path. */
  MONOBLOC_NOT_FOUND = 8,
  /** The file may not be read or written by this user. */
  MONOBLOC_PERMISSION_DENIED = 9,
  /** The input does not fit the model's schema. The message names the field and the row. */
  MONOBLOC_SCHEMA = 10,
  /** The model, option or section is not one that this version can run. */
  MONOBLOC_UNSUPPORTED = 11,
  /** The bloc was written by a newer version in a format that this version can't read. Upgrade. */
  MONOBLOC_VERSION_TOO_NEW = 12,
  /** The request body, or a file of rows, is not of a form that is taken. The message says where. */
  MONOBLOC_MALFORMED_REQUEST = 13,
  /** The request body has more bytes or values than are taken. Send it in parts. */
  MONOBLOC_TOO_LARGE = 14,
  /**
   * Rows have no answer, and the call has no place to say so for each. The message names the first of them, with
   * field and reason.
   */
  MONOBLOC_ROWS_REJECTED = 15,
  /**
   * Loading would take more private memory than the control group or the machine has left. The message has the
   * numbers. Raise the limit, or pack the network for this processor, so that its panels are mapped.
   */
  MONOBLOC_OUT_OF_MEMORY = 16,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum monobloc_status monobloc_status;
#else
typedef uint32_t monobloc_status;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/** What a model gives. */
enum monobloc_task
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /** Probabilities of classes. */
  MONOBLOC_CLASSIFICATION = 1,
  /** A score that is lower the more abnormal a row is. */
  MONOBLOC_OUTLIER_DETECTION = 2,
  /** A number. */
  MONOBLOC_REGRESSION = 3,
  /** Tensors, by `monobloc_engine_run_tensors` or `monobloc_engine_run_network`. */
  MONOBLOC_NETWORK = 4,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum monobloc_task monobloc_task;
#else
typedef uint32_t monobloc_task;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/** What became of a row, by ascending gravity. */
enum monobloc_row_status
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /** Nothing was found. */
  MONOBLOC_ROW_OK = 0,
  /** Something was found, and the row is answered as it came. */
  MONOBLOC_ROW_FLAGGED = 1,
  /** A value was replaced before the row was answered. */
  MONOBLOC_ROW_REPAIRED = 2,
  /** The row has no answer. */
  MONOBLOC_ROW_REJECTED = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum monobloc_row_status monobloc_row_status;
#else
typedef uint32_t monobloc_row_status;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/** The type of values in memory, in the machine's byte order. */
enum monobloc_dtype
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /** Truth values, a byte each: 0 is false. */
  MONOBLOC_BOOL = 1,
  /** `int8_t`. */
  MONOBLOC_INT8 = 2,
  /** `int16_t`. */
  MONOBLOC_INT16 = 3,
  /** `int32_t`. */
  MONOBLOC_INT32 = 4,
  /** `int64_t`. */
  MONOBLOC_INT64 = 5,
  /** `uint8_t`. */
  MONOBLOC_UINT8 = 6,
  /** `uint16_t`. */
  MONOBLOC_UINT16 = 7,
  /** `uint32_t`. */
  MONOBLOC_UINT32 = 8,
  /** `uint64_t`. */
  MONOBLOC_UINT64 = 9,
  /** IEEE 754 binary16; of tensors alone. */
  MONOBLOC_FLOAT16 = 10,
  /** `float`; NaN is missing. */
  MONOBLOC_FLOAT32 = 11,
  /** `double`; NaN is missing. */
  MONOBLOC_FLOAT64 = 12,
  /** `monobloc_str`, in UTF-8; one whose `data` is NULL is missing. */
  MONOBLOC_STRING = 13,
  /** `const char *`, texts in UTF-8 that end with a zero byte; NULL is missing. Of columns alone. */
  MONOBLOC_C_STRING = 14,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum monobloc_dtype monobloc_dtype;
#else
typedef uint32_t monobloc_dtype;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/** What is asked of a model. */
enum monobloc_answer
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /**
   * The model's outputs: probabilities of a classifier in the order of its classes, of several targets one target's
   * after another's; a score or a prediction.
   */
  MONOBLOC_OUTPUTS = 0,
  /**
   * The number of the label among the classes, as the source's `predict` decides: a whole number, of several targets
   * one for each.
   */
  MONOBLOC_CLASS = 1,
  /** The outputs, followed by the number of the label, of several targets by one for each. */
  MONOBLOC_OUTPUTS_AND_CLASS = 2,
  /** What the trees or weights add up to, before the link. */
  MONOBLOC_RAW_SCORES = 3,
  /** The natural logarithms of probabilities. */
  MONOBLOC_LOG_PROBABILITIES = 4,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum monobloc_answer monobloc_answer;
#else
typedef uint32_t monobloc_answer;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/** What was found. Later versions may give further numbers. */
enum monobloc_finding_kind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /** A row that names its values has none for the field. */
  MONOBLOC_ABSENT = 1,
  /** A column or key that is no field of the model. */
  MONOBLOC_EXTRA = 2,
  /** An infinite number. */
  MONOBLOC_INFINITE = 3,
  /** A missing value, where the reference has none or the model takes none. */
  MONOBLOC_MISSING = 4,
  /** An input tensor holds NaN or an infinite number. */
  MONOBLOC_NON_FINITE = 5,
  /** An output is NaN or infinite. */
  MONOBLOC_NON_FINITE_OUTPUT = 6,
  /** A number outside of the field's range. */
  MONOBLOC_OUT_OF_RANGE = 7,
  /** The source model would refuse the row for another reason. */
  MONOBLOC_REFUSED = 8,
  /** A text that an alias or a normalisation leads to a category. */
  MONOBLOC_RENAMED = 9,
  /** A text that is longer than the field's texts. */
  MONOBLOC_TOO_LONG = 10,
  /** A value that is none of the categories. */
  MONOBLOC_UNKNOWN_CATEGORY = 11,
  /** A value of another type than the field's. */
  MONOBLOC_WRONG_TYPE = 12,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum monobloc_finding_kind monobloc_finding_kind;
#else
typedef uint32_t monobloc_finding_kind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/** What the values of a field are. */
enum monobloc_kind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /** True or false; also taken as 1 or 0. */
  MONOBLOC_BOOLEAN_FIELD = 1,
  /** Numbers. */
  MONOBLOC_FLOAT_FIELD = 2,
  /** Whole numbers in the reference data. Any number is taken. */
  MONOBLOC_INTEGER_FIELD = 3,
  /** Text. */
  MONOBLOC_STRING_FIELD = 4,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum monobloc_kind monobloc_kind;
#else
typedef uint32_t monobloc_kind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/** The type of a label. */
enum monobloc_label_type
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /** `integer` is 0 or 1. */
  MONOBLOC_BOOLEAN_LABEL = 1,
  /** `integer` is it. */
  MONOBLOC_INTEGER_LABEL = 2,
  /** `number` is it. */
  MONOBLOC_FLOAT_LABEL = 3,
  /** `text` is it. */
  MONOBLOC_TEXT_LABEL = 4,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum monobloc_label_type monobloc_label_type;
#else
typedef uint32_t monobloc_label_type;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/** How much a message matters. */
enum monobloc_log_level
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /** A fault of this library's own, which its call gives as `MONOBLOC_INTERNAL`; with its place in the code. */
  MONOBLOC_LOG_ERROR = 1,
  /** What will slow predictions down, or changes their last bits. */
  MONOBLOC_LOG_WARNING = 2,
  /** What was loaded, and how long it took. */
  MONOBLOC_LOG_INFO = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum monobloc_log_level monobloc_log_level;
#else
typedef uint32_t monobloc_log_level;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * A bloc that is open: its container is proven, its model is not loaded. Any threads may use it at once; the caller
 * frees it with `monobloc_bloc_free`.
 */
typedef struct monobloc_bloc monobloc_bloc;

/**
 * Bytes that the library made for the caller, who frees them with `monobloc_bytes_free`. After the last one lies a zero
 * byte, so that text is a text of C's, too. Any threads may read them at once.
 */
typedef struct monobloc_bytes monobloc_bytes;

/**
 * A model with its preprocessing, ready to predict.
 *
 * An engine does not change: any number of threads may use it at once, and processes that are forked after loading
 * share its memory. Each handle is freed with `monobloc_engine_free`; the engine goes with the last of its handles, and
 * of the rows, prepared rows and calls that use it.
 */
typedef struct monobloc_engine monobloc_engine;

/**
 * An error: what went wrong, and in which field and row of the caller's rows. The caller frees it with
 * `monobloc_error_free`. Any threads may read it at once.
 */
typedef struct monobloc_error monobloc_error;

/**
 * An engine that is being loaded on a thread of its own. `monobloc_loading_finish` gives the engine and frees it;
 * `monobloc_loading_free` frees it without, and lets the loading end by itself. Any threads may ask whether it has ended.
 *
 * The thread does not survive a fork: in a forked child the loading never ends.
 */
typedef struct monobloc_loading monobloc_loading;

/**
 * A row of an engine's fields, for callers that answer one row at a time. Values are set by the numbers of their fields
 * (`monobloc_engine_field_number`) and stay until they are set again. Once each field's longest text was seen, neither
 * setting nor predicting allocates, as long as nothing is found in the row.
 *
 * One thread at a time may use a row; each thread makes its own. It keeps its engine alive, and is freed with
 * `monobloc_row_free`.
 */
typedef struct monobloc_row monobloc_row;

/**
 * Rows for one engine. Columns and matrices are read where they lie: the caller keeps them until the rows are freed,
 * and may change their values between calls. Any threads may answer the same rows at once; the caller frees them with
 * `monobloc_rows_free`.
 */
typedef struct monobloc_rows monobloc_rows;

/** The outputs of a network. Any threads may read them at once; the caller frees them with `monobloc_tensors_free`. */
typedef struct monobloc_tensors monobloc_tensors;

/**
 * What was found in the rows of a call. NULL stands for rows in which nothing was, and every function takes it. Any
 * threads may read verdicts at once; the caller frees them with `monobloc_verdicts_free`.
 */
typedef struct monobloc_verdicts monobloc_verdicts;

/** A matrix of doubles or floats with a column for each of the model's fields, in their order. It is read where it lies. */
typedef struct monobloc_matrix {
  /** `sizeof(monobloc_matrix)`. */
  size_t size;
  /** `MONOBLOC_FLOAT64` or `MONOBLOC_FLOAT32`. */
  uint32_t dtype;
  /** The first value of the first row. NaN is missing. */
  const void *values;
  /** The number of rows. */
  size_t n_rows;
  /** The number of columns. */
  size_t n_columns;
  /** Bytes from a row to the next, of any sign; 0 where rows lie one after another. */
  ptrdiff_t row_stride;
  /** Bytes from a column to the next, of any sign; 0 where the values of a row lie one after another. */
  ptrdiff_t column_stride;
} monobloc_matrix;

/**
 * A text in UTF-8 that lies in memory of whoever gives it. It does not end with a zero byte: print it with
 * `"%.*s", (int)text.len, text.data`. No text is `{NULL, 0}`.
 *
 * What the library gives is valid until the handle that it was asked of is freed.
 */
typedef struct monobloc_str {
  /** The first byte. */
  const char *data;
  /** The number of bytes. */
  size_t len;
} monobloc_str;

/**
 * Is called with a row unlike the reference, as one line of JSON that `docs/sanity.md` describes, on the thread that
 * answered the row, after it was answered. Several threads may call it at once. It may make calls of this library's; it
 * must not throw, nor jump out of the call. The text is valid during the call.
 */
typedef void (*monobloc_on_event)(void *userdata, struct monobloc_str json);

/**
 * How to load an engine. Zero stands for the default of each member:
 * `monobloc_load_options options = {.size = sizeof options};`
 */
typedef struct monobloc_load_options {
  /** `sizeof(monobloc_load_options)`. */
  size_t size;
  /** The digest that the bloc must have: `sha256:` and 64 hexadecimal digits. By default any. */
  const char *digest;
  /**
   * Threads that batches take together, 256 at most; 1 keeps each on its caller's thread. By default the CPU budget,
   * followed as it changes.
   */
  size_t threads;
  /** Processes that share the CPUs. By default what the variable `WEB_CONCURRENCY` says, or one. */
  size_t workers;
  /** Bytes of a request body at most; by default 64 MiB. */
  size_t max_body_bytes;
  /**
   * Whether to read every byte of the file and compare its digest. By default the structure is proven alone, in time
   * independent of the size.
   */
  bool verify_full;
  /** Whether to count nothing. By default rows and outputs are counted, for metrics and drift. */
  bool no_monitor;
  /**
   * The folder of the file in which processes that were not forked from one another count together. By default they
   * share what they count with those that are forked from them after loading.
   */
  const char *state_dir;
  /** Seconds of the window that drift is looked for in, by default 3,600, in twelve parts. */
  uint64_t window_seconds;
  /** Rows of a window that is one of rows instead, in twelve parts. */
  uint64_t window_rows;
  /** Is called with rows unlike the reference. By default nobody is. */
  monobloc_on_event on_event;
  /** What `on_event` is called with. */
  void *event_userdata;
  /** The share of such rows that are told, up to 1, which is the default. */
  double event_sample;
  /** Events that are told in a second at most, by default 10. */
  uint32_t events_per_second;
} monobloc_load_options;

/** What loading cost. */
typedef struct monobloc_load_report {
  /** `sizeof(monobloc_load_report)`. */
  size_t size;
  /** Wall time. */
  double seconds;
  /** Bytes of the file that are mapped, and shared with other processes. */
  uint64_t mapped_bytes;
  /** Bytes that the engine keeps for itself, estimated from the sizes of its parts. */
  uint64_t private_bytes;
  /** How many warnings there were; `monobloc_set_log` tells them. */
  size_t n_warnings;
} monobloc_load_report;

/**
 * Is called with a message and a `monobloc_log_level`, on any thread. It must not throw, nor jump out of the call. The
 * text is valid during the call.
 */
typedef void (*monobloc_on_log)(void *userdata, uint32_t level, struct monobloc_str message);

/** Whether a loaded bloc is still what it was, and the rows are like the reference. */
typedef struct monobloc_health {
  /** `sizeof(monobloc_health)`. */
  size_t size;
  /** Whether nothing is wrong. Degraded health makes no process unready. */
  bool is_ok;
  /** Whether the file is no longer the one that was loaded. */
  bool file_changed;
  /** Rows of the last five minutes, in this process. */
  uint64_t rows;
  /** The share of them that is unlike the reference; 0 without rows. */
  double out_of_distribution_ratio;
  /** The share above which health is degraded. */
  double out_of_distribution_limit;
} monobloc_health;

/**
 * What all processes that count together have counted. Members that begin with `window_` are of the window, `in_flight`
 * and `workers` of now, others since counting began.
 */
typedef struct monobloc_snapshot {
  /** `sizeof(monobloc_snapshot)`. */
  size_t size;
  /** Calls that were answered or failed. */
  uint64_t requests;
  /** Calls that failed. */
  uint64_t errors;
  /** Seconds that calls took together. */
  double seconds;
  /** Rows that were answered or rejected. */
  uint64_t rows;
  /** Rows that were answered though something was found. */
  uint64_t flagged;
  /** Rows that were answered with other values than came in. */
  uint64_t repaired;
  /** Rows without an answer. */
  uint64_t rejected;
  /** Rows unlike the reference. */
  uint64_t out_of_distribution;
  /** Calls under way. */
  uint64_t in_flight;
  /** Processes that counted something in the window. */
  uint64_t workers;
  /** Rows of the window. */
  uint64_t window_rows;
  /** Rows of the window without an answer. */
  uint64_t window_rejected;
  /** Rows of the window that are unlike the reference. */
  uint64_t window_out_of_distribution;
} monobloc_snapshot;

/** How many threads the batches of this process take. */
typedef struct monobloc_cpu_budget {
  /** `sizeof(monobloc_cpu_budget)`. */
  size_t size;
  /** Threads that batches take together, at least 1. */
  size_t threads;
  /** Processes that share the CPUs. */
  size_t workers;
  /** The tightest CPU quota, in CPUs; 0 without one. */
  double quota;
} monobloc_cpu_budget;

/** The memory of processes that serve blocs, in bytes. */
typedef struct monobloc_footprint {
  /** `sizeof(monobloc_footprint)`. */
  size_t size;
  /** The number of processes. */
  size_t workers;
  /** Threads of each that predict. */
  size_t threads;
  /** What lies in memory once, for all of them. */
  uint64_t shared_bytes;
  /** Private memory of one process. */
  uint64_t worker_bytes;
  /** All of it: what is shared, and the private memory of all processes. */
  uint64_t total_bytes;
  /** The limit that holds here; 0 where nothing tells. */
  uint64_t limit_bytes;
} monobloc_footprint;

/**
 * The values of one field for all rows. Numbers are read where they lie, each time that rows are answered; texts are
 * copied when rows are made.
 */
typedef struct monobloc_column {
  /** `sizeof(monobloc_column)`. */
  size_t size;
  /** The field's name. A column that is no field of the model is told as an extra one. */
  const char *name;
  /** The type of the values: any `monobloc_dtype` but `MONOBLOC_FLOAT16`. */
  uint32_t dtype;
  /** The first value. */
  const void *values;
  /** Bytes from a value to the next, of any sign; 0 where they lie one after another. */
  ptrdiff_t stride;
  /** A bit for each row, 1 where it has a value, the lowest bit of a byte first; NULL where all have one. */
  const void *validity;
} monobloc_column;

/** One input field. */
typedef struct monobloc_field {
  /** `sizeof(monobloc_field)`. */
  size_t size;
  /** The field's name, unique in its model. */
  struct monobloc_str name;
  /** What its values are: a `monobloc_kind`. */
  uint32_t kind;
  /** The same in `snake_case`, as in `"float"`. */
  struct monobloc_str kind_name;
  /** The reference data's own name for the column's type, such as `float64` or `object`. */
  struct monobloc_str dtype;
  /** Whether the model reads it. Fields that it does not read may be absent. */
  bool is_read;
} monobloc_field;

/** One tensor that a network takes. */
typedef struct monobloc_tensor_field {
  /** `sizeof(monobloc_tensor_field)`. */
  size_t size;
  /** The tensor's name, unique in its model. */
  struct monobloc_str name;
  /** The type of its elements: a `monobloc_dtype`. */
  uint32_t dtype;
  /** The number of axes. */
  size_t rank;
  /** The length of each axis; -1 where any will do. */
  const int64_t *shape;
} monobloc_tensor_field;

/** One label of a classifier. */
typedef struct monobloc_label {
  /** `sizeof(monobloc_label)`. */
  size_t size;
  /** Which of the members below it is: a `monobloc_label_type`. */
  uint32_t label_type;
  /** The whole number, or the truth value. */
  int64_t integer;
  /** The number. */
  double number;
  /** The text. */
  struct monobloc_str text;
} monobloc_label;

/** A tensor that the caller gives. Its elements are copied. */
typedef struct monobloc_tensor {
  /** `sizeof(monobloc_tensor)`. */
  size_t size;
  /** The name of the input. */
  const char *name;
  /** The type of the elements: any `monobloc_dtype` but `MONOBLOC_C_STRING`. */
  uint32_t dtype;
  /** The number of axes. */
  size_t rank;
  /** The length of each axis. */
  const size_t *shape;
  /** The elements, row after row (the last axis fastest), in the machine's byte order. */
  const void *elements;
} monobloc_tensor;

/** A tensor that the library gives. What it points to is valid as long as the `monobloc_tensors` it is of. */
typedef struct monobloc_tensor_view {
  /** `sizeof(monobloc_tensor_view)`. */
  size_t size;
  /** The name of the output. */
  struct monobloc_str name;
  /** The type of the elements: a `monobloc_dtype`. */
  uint32_t dtype;
  /** The number of axes. */
  size_t rank;
  /** The length of each axis. */
  const size_t *shape;
  /** The elements, row after row; of texts `monobloc_str`. */
  const void *elements;
  /** The number of elements. */
  size_t n_elements;
} monobloc_tensor_view;

/** Something found in a row. Its texts are valid as long as the verdicts. */
typedef struct monobloc_finding {
  /** `sizeof(monobloc_finding)`. */
  size_t size;
  /** The row, counted from 0. */
  size_t row;
  /** What became of the row by this finding alone: a `monobloc_row_status`. */
  uint32_t status;
  /** What was found: a `monobloc_finding_kind`. */
  uint32_t kind;
  /** The same in `snake_case`, as in `"out_of_range"`. */
  struct monobloc_str kind_name;
  /** The name of the field; of a network's tensor or of an output where those are meant. */
  struct monobloc_str field;
  /** The value that came in, as text; no text where it was missing. */
  struct monobloc_str seen;
  /** The value that is used instead, as text; no text where none is, or a missing one. */
  struct monobloc_str used;
  /** What was found, what was expected, and what is used instead, for people. */
  struct monobloc_str reason;
} monobloc_finding;



#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * The version of the library's binary interface, to be compared with the header's:
 * `if (monobloc_abi_version() < MONOBLOC_ABI_VERSION) …` is a library that is too old.
 */
uint32_t monobloc_abi_version(void);

/** The library's version, a text that ends with a zero byte. */
const char *monobloc_version(void);

/**
 * Whether the library runs networks: a build without the feature `onnx` has the same functions, and refuses them with
 * `MONOBLOC_UNSUPPORTED`.
 */
bool monobloc_has_networks(void);

/**
 * Whether the library knows Arrow's IPC format: a build without the feature `ipc` has the same functions, and refuses
 * bodies in it (`monobloc_engine_run_arrow`) and golden rows, which are kept in it (`monobloc_bloc_replay_golden`), with
 * `MONOBLOC_UNSUPPORTED`. Arrow arrays and streams need no IPC.
 */
bool monobloc_has_ipc(void);

/** How many values a row's answer has: a `monobloc_answer`. 0 where the model does not have it, and of NULL. */
size_t monobloc_engine_answer_width(const struct monobloc_engine *engine, uint32_t answer);

/**
 * Writes the answers to all rows, a `monobloc_answer`, to `values`, row after row: `n_values` is the number of rows
 * times `monobloc_engine_answer_width`. The answers of rows that have none are NaN, and the status is
 * `MONOBLOC_ROWS_REJECTED`; the others are there.
 */
monobloc_status monobloc_engine_predict(const struct monobloc_engine *engine,
                                        const struct monobloc_rows *rows,
                                        uint32_t answer,
                                        double *values,
                                        size_t n_values,
                                        struct monobloc_error **out_error);

/** The same with verdicts, and no error for rows without an answer. `*out_verdicts` is NULL where nothing was found. */
monobloc_status monobloc_engine_run(const struct monobloc_engine *engine,
                                    const struct monobloc_rows *rows,
                                    uint32_t answer,
                                    double *values,
                                    size_t n_values,
                                    struct monobloc_verdicts **out_verdicts,
                                    struct monobloc_error **out_error);

/** `monobloc_engine_predict` for a matrix, without making rows of it: nothing is allocated. */
monobloc_status monobloc_engine_predict_matrix(const struct monobloc_engine *engine,
                                               const struct monobloc_matrix *matrix,
                                               uint32_t answer,
                                               double *values,
                                               size_t n_values,
                                               struct monobloc_error **out_error);

/** `monobloc_engine_run` for a matrix, without making rows of it. */
monobloc_status monobloc_engine_run_matrix(const struct monobloc_engine *engine,
                                           const struct monobloc_matrix *matrix,
                                           uint32_t answer,
                                           double *values,
                                           size_t n_values,
                                           struct monobloc_verdicts **out_verdicts,
                                           struct monobloc_error **out_error);

/** What `monobloc_engine_run` would say of rows, without predicting. `*out_verdicts` is NULL where nothing was found. */
monobloc_status monobloc_engine_check(const struct monobloc_engine *engine,
                                      const struct monobloc_rows *rows,
                                      struct monobloc_verdicts **out_verdicts,
                                      struct monobloc_error **out_error);

/**
 * Writes the features that the model sees to `features`, row after row, as doubles: `n_features` is the number of rows
 * times `monobloc_engine_n_features`. Where rows have no answer the status is `MONOBLOC_ROWS_REJECTED`.
 */
monobloc_status monobloc_engine_transform_f64(const struct monobloc_engine *engine,
                                              const struct monobloc_rows *rows,
                                              double *features,
                                              size_t n_features,
                                              struct monobloc_error **out_error);

/** The same as floats, which is exact where the model sees floats. */
monobloc_status monobloc_engine_transform_f32(const struct monobloc_engine *engine,
                                              const struct monobloc_rows *rows,
                                              float *features,
                                              size_t n_features,
                                              struct monobloc_error **out_error);

/**
 * Writes a stream of the tables of answers that `docs/arrow.md` describes (label, outputs, status and findings), one for
 * each batch of the rows, to `*out_stream`, which is not released before. The caller releases it.
 */
monobloc_status monobloc_engine_run_to_arrow(const struct monobloc_engine *engine,
                                             const struct monobloc_rows *rows,
                                             struct ArrowArrayStream *out_stream,
                                             struct monobloc_error **out_error);

/** Opens the bloc at `path`, in time independent of its size. `digest` may be NULL; otherwise any other bloc is refused. */
monobloc_status monobloc_bloc_open(const char *path,
                                   const char *digest,
                                   struct monobloc_bloc **out_bloc,
                                   struct monobloc_error **out_error);

/** The bloc's digest; no text of NULL. */
struct monobloc_str monobloc_bloc_digest(const struct monobloc_bloc *bloc);

/** The bloc's manifest, as JSON; no text of NULL. */
struct monobloc_str monobloc_bloc_manifest_json(const struct monobloc_bloc *bloc);

/** The file's size; 0 of NULL. */
uint64_t monobloc_bloc_size_bytes(const struct monobloc_bloc *bloc);

/** Reads every byte and compares it with its digest. */
monobloc_status monobloc_bloc_verify(const struct monobloc_bloc *bloc, struct monobloc_error **out_error);

/**
 * Loads the bloc again and answers its golden rows, which must have the source model's answers;
 * `MONOBLOC_GOLDEN_MISMATCH` otherwise. `MONOBLOC_UNSUPPORTED` in a library without Arrow's IPC format
 * (`monobloc_has_ipc`).
 */
monobloc_status monobloc_bloc_replay_golden(const struct monobloc_bloc *bloc,
                                            struct monobloc_error **out_error);

/** Frees a bloc; NULL is taken. */
void monobloc_bloc_free(struct monobloc_bloc *bloc);

/**
 * Answers a JSON request body of `len` bytes with a response body, both as `docs/json.md` specifies. A row without an
 * answer is no error: its outputs are null, and its verdict says why.
 */
monobloc_status monobloc_engine_run_json(const struct monobloc_engine *engine,
                                         const uint8_t *body,
                                         size_t len,
                                         struct monobloc_bytes **out_response,
                                         struct monobloc_error **out_error);

/**
 * Answers a body of record batches of `len` bytes with another, both in Arrow's IPC format, as `docs/arrow.md`
 * specifies: a stream or a file is taken, a stream is given.
 * `MONOBLOC_UNSUPPORTED` where the library does not know it (`monobloc_has_ipc`).
 */
monobloc_status monobloc_engine_run_arrow(const struct monobloc_engine *engine,
                                          const uint8_t *body,
                                          size_t len,
                                          struct monobloc_bytes **out_response,
                                          struct monobloc_error **out_error);

/**
 * Loads the bloc at `path`: proves its container and structure, and maps the rest. `options` may be NULL.
 *
 * `*out_engine` is written on success alone.
 */
monobloc_status monobloc_engine_load(const char *path,
                                     const struct monobloc_load_options *options,
                                     struct monobloc_engine **out_engine,
                                     struct monobloc_error **out_error);

/** Another handle of the same engine; NULL of NULL. */
struct monobloc_engine *monobloc_engine_clone(const struct monobloc_engine *engine);

/** Frees a handle; NULL is taken. */
void monobloc_engine_free(struct monobloc_engine *engine);

/** The model's name; no text of NULL, as for all texts of an engine. */
struct monobloc_str monobloc_engine_name(const struct monobloc_engine *engine);

/** The model's version. */
struct monobloc_str monobloc_engine_version(const struct monobloc_engine *engine);

/** The bloc's digest: `sha256:` and 64 hexadecimal digits. */
struct monobloc_str monobloc_engine_digest(const struct monobloc_engine *engine);

/** The path that the bloc was loaded from; no text where it is not UTF-8. */
struct monobloc_str monobloc_engine_path(const struct monobloc_engine *engine);

/** The class or format that the model was read from. */
struct monobloc_str monobloc_engine_source(const struct monobloc_engine *engine);

/** The bloc's manifest, as JSON: schema, preprocessing, rules and provenance. */
struct monobloc_str monobloc_engine_manifest_json(const struct monobloc_engine *engine);

/** A JSON Schema (draft 2020-12) of the request bodies that `monobloc_engine_run_json` takes. */
monobloc_status monobloc_engine_json_schema(const struct monobloc_engine *engine,
                                            struct monobloc_bytes **out_json,
                                            struct monobloc_error **out_error);

/** What the model gives; `MONOBLOC_REGRESSION` of NULL. */
monobloc_task monobloc_engine_task(const struct monobloc_engine *engine);

/** Threads that batches take together now; 0 of NULL. */
size_t monobloc_engine_threads(const struct monobloc_engine *engine);

/** Writes what loading cost to `*out_report`, whose size is set. */
monobloc_status monobloc_engine_load_report(const struct monobloc_engine *engine,
                                            struct monobloc_load_report *out_report,
                                            struct monobloc_error **out_error);

/**
 * Begins to load the bloc at `path` in the background. What is wrong with the bloc is told by
 * `monobloc_loading_finish`. `options` may be NULL.
 */
monobloc_status monobloc_engine_load_in_background(const char *path,
                                                   const struct monobloc_load_options *options,
                                                   struct monobloc_loading **out_loading,
                                                   struct monobloc_error **out_error);

/** Waits until loading has ended, but no longer than so many milliseconds; whether it has. True of NULL. */
bool monobloc_loading_wait(const struct monobloc_loading *loading, uint64_t milliseconds);

/** Waits until loading has ended, gives the engine, and frees `loading`, on errors too. */
monobloc_status monobloc_loading_finish(struct monobloc_loading *loading,
                                        struct monobloc_engine **out_engine,
                                        struct monobloc_error **out_error);

/** Frees a loading whose engine is not wanted; NULL is taken. */
void monobloc_loading_free(struct monobloc_loading *loading);

/**
 * Has `on_log` called with messages from now on, in this process; NULL ends it, and faults are told on standard error
 * again. Calls that are under way may still call what was there before.
 */
void monobloc_set_log(monobloc_on_log on_log,
                      void *userdata);

/**
 * Writes how the engine is to `*out_health`, whose size is set; and where `out_findings` is not NULL what is wrong, one
 * sentence a line, to `*out_findings`.
 */
monobloc_status monobloc_engine_health(const struct monobloc_engine *engine,
                                       struct monobloc_health *out_health,
                                       struct monobloc_bytes **out_findings,
                                       struct monobloc_error **out_error);

/**
 * Whether the engine may be sent rows: true as long as its file is the one that was loaded. Nothing else makes a process
 * unready. False of NULL.
 */
bool monobloc_engine_is_ready(const struct monobloc_engine *engine);

/** Metrics of all processes that count together, as text: `format` is `"prometheus"` or `"openmetrics"`. */
monobloc_status monobloc_engine_metrics(const struct monobloc_engine *engine,
                                        const char *format,
                                        struct monobloc_bytes **out_text,
                                        struct monobloc_error **out_error);

/**
 * How rows differ from the reference, as JSON and as a table; either place may be NULL. Rows of the window where `rows`
 * is NULL, which all processes that count together have answered; else these, which are not counted.
 */
monobloc_status monobloc_engine_drift(const struct monobloc_engine *engine,
                                      const struct monobloc_rows *rows,
                                      struct monobloc_bytes **out_json,
                                      struct monobloc_bytes **out_table,
                                      struct monobloc_error **out_error);

/** Writes what was counted to `*out_snapshot`, whose size is set; `MONOBLOC_INVALID_ARGUMENT` where monitoring is off. */
monobloc_status monobloc_engine_snapshot(const struct monobloc_engine *engine,
                                         struct monobloc_snapshot *out_snapshot,
                                         struct monobloc_error **out_error);

/**
 * Writes the budget as of now to `*out_budget`, whose size is set; and where `out_explanation` is not NULL why it is so,
 * source by source, to `*out_explanation`. `workers` is the number of processes that share the CPUs, or 0 for what the
 * variable `WEB_CONCURRENCY` says.
 */
monobloc_status monobloc_cpu_budget_read(size_t workers,
                                         struct monobloc_cpu_budget *out_budget,
                                         struct monobloc_bytes **out_explanation,
                                         struct monobloc_error **out_error);

/**
 * Writes the memory that `workers` processes (at least 1) will take which each serve the blocs at `n_paths` paths to
 * `*out_footprint`, whose size is set; and where `out_table` is not NULL the same as a table, to `*out_table`. `paths` is
 * an array of texts that end with a zero byte; `threads` are those of each process that predict, or 0 for the CPU
 * budget. Each bloc is loaded for a moment, which costs little.
 */
monobloc_status monobloc_footprint_of(const void *paths,
                                      size_t n_paths,
                                      size_t workers,
                                      size_t threads,
                                      struct monobloc_footprint *out_footprint,
                                      struct monobloc_bytes **out_table,
                                      struct monobloc_error **out_error);

/** Makes a row without values. */
monobloc_status monobloc_row_new(const struct monobloc_engine *engine,
                                 struct monobloc_row **out_row,
                                 struct monobloc_error **out_error);

/** Takes all values away. */
monobloc_status monobloc_row_clear(struct monobloc_row *row);

/** Sets field number `field` to a truth value. */
monobloc_status monobloc_row_set_bool(struct monobloc_row *row, size_t field, bool value);

/** Sets field number `field` to a double; NaN is missing. */
monobloc_status monobloc_row_set_f64(struct monobloc_row *row, size_t field, double value);

/** Sets field number `field` to an integer. */
monobloc_status monobloc_row_set_i64(struct monobloc_row *row, size_t field, int64_t value);

/** Sets field number `field` to a copy of `len` bytes of UTF-8. */
monobloc_status monobloc_row_set_text(struct monobloc_row *row, size_t field, const char *text, size_t len);

/** Says that field number `field` has no value. */
monobloc_status monobloc_row_set_missing(struct monobloc_row *row, size_t field);

/**
 * Writes what the model answers, a `monobloc_answer`, to `values`: as many as `monobloc_engine_answer_width` says. Where
 * the row has no answer they are NaN, and the status is `MONOBLOC_ROWS_REJECTED`.
 */
monobloc_status monobloc_row_predict(struct monobloc_row *row,
                                     uint32_t answer,
                                     double *values,
                                     size_t n_values,
                                     struct monobloc_error **out_error);

/** The same with a verdict, and no error for a row without an answer. `*out_verdicts` is NULL where nothing was found. */
monobloc_status monobloc_row_run(struct monobloc_row *row,
                                 uint32_t answer,
                                 double *values,
                                 size_t n_values,
                                 struct monobloc_verdicts **out_verdicts,
                                 struct monobloc_error **out_error);

/** Frees a row; NULL is taken. */
void monobloc_row_free(struct monobloc_row *row);

/** Makes rows of columns, matched with the model's fields by name. Fields that the model does not read may be absent. */
monobloc_status monobloc_rows_from_columns(const struct monobloc_engine *engine,
                                           const struct monobloc_column *columns,
                                           size_t n_columns,
                                           size_t n_rows,
                                           struct monobloc_rows **out_rows,
                                           struct monobloc_error **out_error);

/** Makes rows of a matrix with a column for each of the model's fields, in their order. */
monobloc_status monobloc_rows_from_matrix(const struct monobloc_engine *engine,
                                          const struct monobloc_matrix *matrix,
                                          struct monobloc_rows **out_rows,
                                          struct monobloc_error **out_error);

/**
 * Makes rows of a record batch in Arrow's C data interface: an array of structs and its type, matched by name, as
 * `docs/arrow.md` describes. Both are taken over and marked as released, on errors too.
 */
monobloc_status monobloc_rows_from_arrow(const struct monobloc_engine *engine,
                                         struct ArrowArray *array,
                                         struct ArrowSchema *schema,
                                         struct monobloc_rows **out_rows,
                                         struct monobloc_error **out_error);

/**
 * Makes rows of a stream of record batches in Arrow's C stream interface. It is taken over and marked as released, on
 * errors too.
 */
monobloc_status monobloc_rows_from_arrow_stream(const struct monobloc_engine *engine,
                                                struct ArrowArrayStream *stream,
                                                struct monobloc_rows **out_rows,
                                                struct monobloc_error **out_error);

/** Makes rows of a JSON request body of `len` bytes, as `docs/json.md` specifies. Its values are copied. */
monobloc_status monobloc_rows_from_json(const struct monobloc_engine *engine,
                                        const uint8_t *body,
                                        size_t len,
                                        struct monobloc_rows **out_rows,
                                        struct monobloc_error **out_error);

/** The number of rows; 0 of NULL. */
size_t monobloc_rows_n_rows(const struct monobloc_rows *rows);

/** Frees rows; NULL is taken. */
void monobloc_rows_free(struct monobloc_rows *rows);

/** The number of input fields; 0 of NULL and of networks that take tensors. */
size_t monobloc_engine_n_fields(const struct monobloc_engine *engine);

/**
 * Writes field number `field`, counted from 0, to `*out_field`, whose size is set. Its texts are valid as long as the
 * engine.
 */
monobloc_status monobloc_engine_field(const struct monobloc_engine *engine,
                                      size_t field,
                                      struct monobloc_field *out_field,
                                      struct monobloc_error **out_error);

/** Writes the number of the field called `name` to `*out_field`. */
monobloc_status monobloc_engine_field_number(const struct monobloc_engine *engine,
                                             const char *name,
                                             size_t *out_field,
                                             struct monobloc_error **out_error);

/** The number of tensors that a network takes; 0 of NULL and of models that take rows of fields. */
size_t monobloc_engine_n_tensors(const struct monobloc_engine *engine);

/**
 * Writes tensor number `tensor`, counted from 0, to `*out_tensor`, whose size is set. What it points to is valid as
 * long as the engine.
 */
monobloc_status monobloc_engine_tensor_field(const struct monobloc_engine *engine,
                                             size_t tensor,
                                             struct monobloc_tensor_field *out_tensor,
                                             struct monobloc_error **out_error);

/** The number of features that preprocessing makes of a row; 0 of NULL. */
size_t monobloc_engine_n_features(const struct monobloc_engine *engine);

/** The name of feature number `feature`; no text where there is none. */
struct monobloc_str monobloc_engine_feature_name(const struct monobloc_engine *engine, size_t feature);

/**
 * The number of targets that the model decides on, each of which has labels of its own: 1 of most classifiers and of
 * outlier detection, more of forests that were fitted on a table of labels. 0 of NULL and of models without labels.
 */
size_t monobloc_engine_n_targets(const struct monobloc_engine *engine);

/**
 * The number of classes of target number `target`, counted from 0; 0 of NULL and where there is no such target. The
 * outputs of a model with several targets are one target's probabilities after another's.
 */
size_t monobloc_engine_n_target_classes(const struct monobloc_engine *engine,
                                        size_t target);

/**
 * Writes the label of class number `class_number` of target number `target`, both counted from 0, to `*out_label`, whose
 * size is set. Its text is valid as long as the engine.
 */
monobloc_status monobloc_engine_target_label(const struct monobloc_engine *engine,
                                             size_t target,
                                             size_t class_number,
                                             struct monobloc_label *out_label,
                                             struct monobloc_error **out_error);

/**
 * The number of classes of a model that decides on one target; 0 of NULL and of others, of which
 * `monobloc_engine_n_target_classes` tells.
 */
size_t monobloc_engine_n_classes(const struct monobloc_engine *engine);

/**
 * Writes the label of class number `class_number`, counted from 0 in the order of the probabilities, to `*out_label`,
 * whose size is set. Its text is valid as long as the engine. A model that decides on several targets is asked by
 * `monobloc_engine_target_label`.
 */
monobloc_status monobloc_engine_label(const struct monobloc_engine *engine,
                                      size_t class_number,
                                      struct monobloc_label *out_label,
                                      struct monobloc_error **out_error);

/** The status that came with the error; `MONOBLOC_OK` of NULL. */
monobloc_status monobloc_error_status(const struct monobloc_error *error);

/** The name of the kind of error in `snake_case`, as in `"not_found"`; no text of NULL. */
struct monobloc_str monobloc_error_code(const struct monobloc_error *error);

/** What was read, where, what was found, what was expected and what to do, for people; no text of NULL. */
struct monobloc_str monobloc_error_message(const struct monobloc_error *error);

/** The field of the caller's rows that the error is about; no text where it is about none. */
struct monobloc_str monobloc_error_field(const struct monobloc_error *error);

/** The row that the error is about, counted from 0; `SIZE_MAX` where it is about none. */
size_t monobloc_error_row(const struct monobloc_error *error);

/**
 * The HTTP status that tells a client what went wrong: 4xx where it is the request, 503 where it is the bloc; 200 of
 * NULL.
 */
uint16_t monobloc_error_http_status(const struct monobloc_error *error);

/** Frees an error; NULL is taken. */
void monobloc_error_free(struct monobloc_error *error);

/**
 * Runs a network that takes tensors on `n_tensors` of them, matched by name. Each of the model's outputs is in
 * `*out_tensors`; `*out_verdicts`, which is NULL where nothing was found, tells of rows with NaN or infinite values.
 */
monobloc_status monobloc_engine_run_tensors(const struct monobloc_engine *engine,
                                            const struct monobloc_tensor *tensors,
                                            size_t n_tensors,
                                            struct monobloc_tensors **out_tensors,
                                            struct monobloc_verdicts **out_verdicts,
                                            struct monobloc_error **out_error);

/** Runs a network behind preprocessing on rows. */
monobloc_status monobloc_engine_run_network(const struct monobloc_engine *engine,
                                            const struct monobloc_rows *rows,
                                            struct monobloc_tensors **out_tensors,
                                            struct monobloc_verdicts **out_verdicts,
                                            struct monobloc_error **out_error);

/** The number of outputs; 0 of NULL. */
size_t monobloc_tensors_n(const struct monobloc_tensors *tensors);

/** Writes output number `number`, counted from 0, to `*out_tensor`, whose size is set. */
monobloc_status monobloc_tensors_get(const struct monobloc_tensors *tensors,
                                     size_t number,
                                     struct monobloc_tensor_view *out_tensor,
                                     struct monobloc_error **out_error);

/** Frees outputs; NULL is taken. */
void monobloc_tensors_free(struct monobloc_tensors *tensors);

/** The first byte; NULL of NULL. */
const char *monobloc_bytes_data(const struct monobloc_bytes *bytes);

/** The number of bytes, without the zero byte after them; 0 of NULL. */
size_t monobloc_bytes_len(const struct monobloc_bytes *bytes);

/** Frees bytes; NULL is taken. */
void monobloc_bytes_free(struct monobloc_bytes *bytes);

/** What became of row number `row`, counted from 0. */
monobloc_row_status monobloc_verdicts_status(const struct monobloc_verdicts *verdicts, size_t row);

/** The number of findings. */
size_t monobloc_verdicts_n_findings(const struct monobloc_verdicts *verdicts);

/** Writes finding number `finding`, counted from 0 by ascending row, to `*out_finding`, whose size is set. */
monobloc_status monobloc_verdicts_finding(const struct monobloc_verdicts *verdicts,
                                          size_t finding,
                                          struct monobloc_finding *out_finding,
                                          struct monobloc_error **out_error);

/**
 * The verdicts as JSON: of each row in which something was found `row`, `status` and `findings`, as `docs/json.md`
 * specifies.
 */
monobloc_status monobloc_verdicts_to_json(const struct monobloc_verdicts *verdicts,
                                          struct monobloc_bytes **out_json,
                                          struct monobloc_error **out_error);

/** Frees verdicts; NULL is taken. */
void monobloc_verdicts_free(struct monobloc_verdicts *verdicts);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* MONOBLOC_H */
