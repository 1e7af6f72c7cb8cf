/* Monobloc for C++17 and newer: a thin layer over monobloc.h, which says more of each call.
 *
 * Handles own what the library made, and can be moved, not copied. Texts that the library gives are `std::string_view`s
 * into the object that they were asked of. A moved-from or default-made handle is MONOBLOC_INVALID_ARGUMENT to every call.
 *
 * What goes wrong is thrown as `monobloc::Error`. Where MONOBLOC_NO_EXCEPTIONS is defined, or the compiler has exceptions
 * off, nothing is thrown, and functions that give `Outcome<T>` give a `monobloc::Result<T>` instead of a `T`. Files of
 * either kind may be linked together.
 */
#ifndef MONOBLOC_HPP
#define MONOBLOC_HPP

#include "monobloc.h"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#if !defined(__cpp_exceptions) && !defined(MONOBLOC_NO_EXCEPTIONS)
#define MONOBLOC_NO_EXCEPTIONS
#endif

namespace monobloc {
#ifdef MONOBLOC_NO_EXCEPTIONS
inline namespace without_exceptions {
#else
inline namespace with_exceptions {
#endif

/** An array that lies somewhere else: a pointer and a length, as C++20's `std::span`, which converts to it. */
template <class T>
class Span {
 public:
  constexpr Span() noexcept = default;
  constexpr Span(T *data, std::size_t size) noexcept : data_(data), size_(size) {}

  /** All of an array, `std::vector`, `std::array` or whatever else has `data` and `size`, which must outlive the span. */
  template <class Values, class Data = decltype(std::data(std::declval<Values &>())),
            class = std::enable_if_t<!std::is_same_v<std::decay_t<Values>, Span> &&
                                     std::is_convertible_v<std::remove_pointer_t<Data> (*)[], T (*)[]>>>
  constexpr Span(Values &&values) noexcept : data_(std::data(values)), size_(std::size(values)) {}

  constexpr T *data() const noexcept { return data_; }
  constexpr std::size_t size() const noexcept { return size_; }
  constexpr bool empty() const noexcept { return size_ == 0; }
  constexpr T &operator[](std::size_t at) const noexcept { return data_[at]; }
  constexpr T *begin() const noexcept { return data_; }
  constexpr T *end() const noexcept { return data_ + size_; }

 private:
  T *data_ = nullptr;
  std::size_t size_ = 0;
};

namespace detail {
inline std::string_view text(monobloc_str text) noexcept { return {text.data, text.len}; }

inline std::optional<std::string_view> text_or_none(monobloc_str text) noexcept {
  return text.data == nullptr ? std::nullopt : std::optional<std::string_view>({text.data, text.len});
}

inline const char *text_or_null(const std::string &text) noexcept { return text.empty() ? nullptr : text.c_str(); }

inline const std::uint8_t *bytes(std::string_view body) noexcept {
  return reinterpret_cast<const std::uint8_t *>(body.data());
}

struct Free {
  void operator()(monobloc_bloc *handle) const noexcept { monobloc_bloc_free(handle); }
  void operator()(monobloc_bytes *handle) const noexcept { monobloc_bytes_free(handle); }
  void operator()(monobloc_engine *handle) const noexcept { monobloc_engine_free(handle); }
  void operator()(monobloc_loading *handle) const noexcept { monobloc_loading_free(handle); }
  void operator()(monobloc_row *handle) const noexcept { monobloc_row_free(handle); }
  void operator()(monobloc_rows *handle) const noexcept { monobloc_rows_free(handle); }
  void operator()(monobloc_tensors *handle) const noexcept { monobloc_tensors_free(handle); }
  void operator()(monobloc_verdicts *handle) const noexcept { monobloc_verdicts_free(handle); }
};
}  // namespace detail

/** What went wrong. Copies share what the library said; any threads may read it at once. */
class Error : public std::runtime_error {
 public:
  /** Takes over an error of the C interface. */
  Error(monobloc_status status, monobloc_error *error)
      : std::runtime_error(std::string(detail::text(monobloc_error_message(error)))),
        status_(status),
        error_(error, monobloc_error_free) {}

  /** An argument that is refused, without an error of the C interface. */
  explicit Error(const std::string &message, monobloc_status status = MONOBLOC_INVALID_ARGUMENT)
      : std::runtime_error(message), status_(status) {}

  /** The number of the kind of error. Later versions of the library may give further ones. */
  monobloc_status status() const noexcept { return status_; }

  /** The kind of error in `snake_case`, as in `"not_found"`. */
  std::string_view code() const noexcept {
    if (error_) return detail::text(monobloc_error_code(error_.get()));
    return status_ == MONOBLOC_INVALID_ARGUMENT ? "invalid_argument" : "internal";
  }

  /** What was read, where, what was found, what was expected and what to do, for people; `what()` is the same. */
  std::string_view message() const noexcept { return what(); }

  /** The field of the caller's rows that the error is about. */
  std::optional<std::string_view> field() const noexcept {
    return detail::text_or_none(monobloc_error_field(error_.get()));
  }

  /** The row that the error is about, counted from 0. */
  std::optional<std::size_t> row() const noexcept {
    const std::size_t row = error_ ? monobloc_error_row(error_.get()) : SIZE_MAX;
    return row == SIZE_MAX ? std::nullopt : std::optional<std::size_t>(row);
  }

  /** The HTTP status that tells a client what went wrong: 4xx where it is the request, 503 where it is the bloc. */
  int http_status() const noexcept {
    if (error_) return monobloc_error_http_status(error_.get());
    return status_ == MONOBLOC_INVALID_ARGUMENT ? 400 : 500;
  }

 private:
  monobloc_status status_;
  std::shared_ptr<const monobloc_error> error_;
};

#ifdef MONOBLOC_NO_EXCEPTIONS
/** A value or an error, where there are no exceptions. To take what is not there ends the process. */
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  /** Whether there is a value. */
  bool has_value() const noexcept { return state_.index() == 0; }
  explicit operator bool() const noexcept { return has_value(); }

  /** The value. */
  T &value() & { return taken(std::get_if<0>(&state_)); }
  const T &value() const & { return taken(std::get_if<0>(&state_)); }
  T &&value() && { return std::move(taken(std::get_if<0>(&state_))); }
  T &operator*() & { return value(); }
  const T &operator*() const & { return value(); }
  T &&operator*() && { return std::move(*this).value(); }
  T *operator->() { return &value(); }
  const T *operator->() const { return &value(); }

  /** The error. */
  const Error &error() const { return taken(std::get_if<1>(&state_)); }

 private:
  template <class Part>
  Part &taken(Part *part) const {
    if (part == nullptr) {
      const Error *error = std::get_if<1>(&state_);
      std::fprintf(stderr, "monobloc: %s\n", error == nullptr ? "there is a value and no error" : error->what());
      std::abort();
    }
    return *part;
  }

  std::variant<T, Error> state_;
};

/** Nothing, or an error. */
template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}

  /** Whether all is well. */
  bool has_value() const noexcept { return !error_.has_value(); }
  explicit operator bool() const noexcept { return has_value(); }

  /** Ends the process where all is not well. */
  void value() const {
    if (error_) {
      std::fprintf(stderr, "monobloc: %s\n", error_->what());
      std::abort();
    }
  }

  /** The error. */
  const Error &error() const {
    if (!error_) {
      std::fputs("monobloc: there is no error\n", stderr);
      std::abort();
    }
    return *error_;
  }

 private:
  std::optional<Error> error_;
};

template <class T>
using Outcome = Result<T>;

namespace detail {
template <class T>
Result<T> failed(Error error) {
  return Result<T>(std::move(error));
}
inline Result<void> done() noexcept { return {}; }
}  // namespace detail
#else
/** What a function that may fail gives: the value itself, as failures are thrown. */
template <class T>
using Outcome = T;

namespace detail {
template <class T>
[[noreturn]] T failed(Error error) {
  throw error;
}
inline void done() noexcept {}
}  // namespace detail
#endif

namespace detail {
/** An object of what a call makes. */
template <class Owner, class Call>
Outcome<Owner> made(Call call) {
  typename Owner::Raw *handle = nullptr;
  monobloc_error *error = nullptr;
  const monobloc_status status = call(&handle, &error);
  if (status != MONOBLOC_OK) return failed<Owner>(Error(status, error));
  return Owner(handle);
}

/** A structure that a call fills. */
template <class Structure, class Call>
Outcome<Structure> filled(Call call) {
  Structure structure{};
  structure.size = sizeof structure;
  monobloc_error *error = nullptr;
  const monobloc_status status = call(&structure, &error);
  if (status != MONOBLOC_OK) return failed<Structure>(Error(status, error));
  return structure;
}

template <class Call>
Outcome<void> called(Call call) {
  monobloc_error *error = nullptr;
  const monobloc_status status = call(&error);
  if (status != MONOBLOC_OK) return failed<void>(Error(status, error));
  return done();
}

/** Calls what must not throw into the library. */
template <class Callable, class... Arguments>
void shielded(Callable &callable, Arguments... arguments) noexcept {
#ifdef __cpp_exceptions
  try {
    callable(arguments...);
  } catch (...) {
  }
#else
  callable(arguments...);
#endif
}

/** Callables that stay until the process ends, in a list so that leak checkers see who holds them. */
struct Kept {
  Kept *next = nullptr;
};

template <class Callable>
struct KeptCallable : Kept {
  explicit KeptCallable(Callable given) : callable(std::move(given)) {}
  Callable callable;
};

inline void keep(Kept *kept) noexcept {
  static std::atomic<Kept *> first{nullptr};
  kept->next = first.load();
  while (!first.compare_exchange_weak(kept->next, kept)) {
  }
}

template <class T>
constexpr std::uint32_t dtype_of() noexcept {
  if constexpr (std::is_same_v<T, bool>) {
    return MONOBLOC_BOOL;
  } else if constexpr (std::is_same_v<T, float>) {
    return MONOBLOC_FLOAT32;
  } else if constexpr (std::is_same_v<T, double>) {
    return MONOBLOC_FLOAT64;
  } else if constexpr (std::is_same_v<T, monobloc_str>) {
    return MONOBLOC_STRING;
  } else if constexpr (std::is_same_v<T, const char *> || std::is_same_v<T, char *>) {
    return MONOBLOC_C_STRING;
  } else {
    static_assert(std::is_integral_v<T>, "values are numbers, truth values or texts");
    constexpr std::uint32_t first = std::is_signed_v<T> ? MONOBLOC_INT8 : MONOBLOC_UINT8;
    return first + (sizeof(T) == 1 ? 0 : sizeof(T) == 2 ? 1 : sizeof(T) == 4 ? 2 : 3);
  }
}

/** The type of the values of an array or container. */
template <class Values>
using Value = std::remove_cv_t<std::remove_pointer_t<decltype(std::data(std::declval<const Values &>()))>>;
}  // namespace detail

/** Bytes or text that the library made. Any threads may read them at once. */
class Bytes {
 public:
  using Raw = monobloc_bytes;
  Bytes() noexcept = default;
  /** Takes over a handle of the C interface. */
  explicit Bytes(Raw *handle) noexcept : handle_(handle) {}

  /** The first byte; after the last one lies a zero byte. NULL where nothing was made. */
  const char *data() const noexcept { return monobloc_bytes_data(handle_.get()); }
  std::size_t size() const noexcept { return monobloc_bytes_len(handle_.get()); }
  /** All of them, valid as long as this object. */
  std::string_view view() const noexcept { return {data(), size()}; }
  operator std::string_view() const noexcept { return view(); }

 private:
  std::unique_ptr<Raw, detail::Free> handle_;
};

namespace detail {
/** A structure that a call fills, with a text about it where that is wanted. */
template <class Structure, class Call>
Outcome<Structure> explained(Bytes *text, Call call) {
  monobloc_bytes *said = nullptr;
  auto structure = filled<Structure>(
      [&](auto out, auto error) { return call(out, text == nullptr ? nullptr : &said, error); });
  if (text != nullptr) *text = Bytes(said);
  return structure;
}
}  // namespace detail

/** Something found in a row. Texts are valid as long as the verdicts. */
struct Finding {
  /** The row, counted from 0. */
  std::size_t row;
  /** What became of the row by this finding alone. */
  monobloc_row_status status;
  /** What was found. Later versions of the library may give further numbers. */
  monobloc_finding_kind kind;
  /** The same in `snake_case`, as in `"out_of_range"`. */
  std::string_view kind_name;
  /** The field; a network's tensor or an output where those are meant. */
  std::string_view field;
  /** The value that came in, as text; none where it was missing. */
  std::optional<std::string_view> seen;
  /** The value that is used instead, as text; none where none is, or a missing one. */
  std::optional<std::string_view> used;
  /** What was found, what was expected, and what is used instead, for people. */
  std::string_view reason;
};

/** What was found in the rows of a call: nothing, where it is default-made. Any threads may read it at once. */
class Verdicts {
 public:
  using Raw = monobloc_verdicts;
  Verdicts() noexcept = default;
  /** Takes over a handle of the C interface, or NULL for no findings. */
  explicit Verdicts(Raw *handle) noexcept : handle_(handle) {}

  /** What became of row number `row`, counted from 0. */
  monobloc_row_status status(std::size_t row) const noexcept { return monobloc_verdicts_status(handle_.get(), row); }
  /** The number of findings. */
  std::size_t n_findings() const noexcept { return monobloc_verdicts_n_findings(handle_.get()); }

  /** Finding number `number`, counted from 0 by ascending row. MONOBLOC_INVALID_ARGUMENT beyond the last. */
  Outcome<Finding> finding(std::size_t number) const {
    monobloc_finding found{};
    found.size = sizeof found;
    monobloc_error *error = nullptr;
    const monobloc_status status = monobloc_verdicts_finding(handle_.get(), number, &found, &error);
    if (status != MONOBLOC_OK) return detail::failed<Finding>(Error(status, error));
    return Finding{found.row,
                   static_cast<monobloc_row_status>(found.status),
                   static_cast<monobloc_finding_kind>(found.kind),
                   detail::text(found.kind_name),
                   detail::text(found.field),
                   detail::text_or_none(found.seen),
                   detail::text_or_none(found.used),
                   detail::text(found.reason)};
  }

  /** Rows in which something was found, as JSON that docs/json.md specifies. */
  Outcome<Bytes> to_json() const {
    return detail::made<Bytes>(
        [&](auto out, auto error) { return monobloc_verdicts_to_json(handle_.get(), out, error); });
  }

 private:
  std::unique_ptr<Raw, detail::Free> handle_;
};

/** How to load an engine; what is not set is left to the library. */
class LoadOptions {
 public:
  LoadOptions() { raw_.size = sizeof raw_; }

  /** The digest that the bloc must have: `sha256:` and 64 hexadecimal digits. */
  LoadOptions &digest(std::string digest) { return digest_ = std::move(digest), *this; }
  /** Threads that batches take together, 256 at most; 1 keeps each on its caller's thread. */
  LoadOptions &threads(std::size_t threads) { return raw_.threads = threads, *this; }
  /** Processes that share the CPUs. */
  LoadOptions &workers(std::size_t workers) { return raw_.workers = workers, *this; }
  /** Bytes of a request body at most; by default 64 MiB. */
  LoadOptions &max_body_bytes(std::size_t bytes) { return raw_.max_body_bytes = bytes, *this; }
  /** Reads every byte of the file and compares its digest, in time that grows with the size. */
  LoadOptions &verify_full(bool full = true) { return raw_.verify_full = full, *this; }
  /** Counts nothing. */
  LoadOptions &without_monitor() { return raw_.no_monitor = true, *this; }
  /** The folder of the file in which processes that were not forked from one another count together. */
  LoadOptions &state_dir(std::string folder) { return state_dir_ = std::move(folder), *this; }
  /** The window that drift is looked for in, of so many seconds. */
  LoadOptions &window_seconds(std::uint64_t seconds) { return raw_.window_seconds = seconds, *this; }
  /** The window, of so many rows instead. */
  LoadOptions &window_rows(std::uint64_t rows) { return raw_.window_rows = rows, *this; }
  /** The share of rows unlike the reference that are told, up to 1. */
  LoadOptions &event_sample(double share) { return raw_.event_sample = share, *this; }
  /** Events that are told in a second at most, by default 10. */
  LoadOptions &events_per_second(std::uint32_t events) { return raw_.events_per_second = events, *this; }

  /**
   * Has `callable` called with each row unlike the reference, as a `std::string_view` of one line of JSON that
   * docs/sanity.md describes, on the thread that answered the row. Several threads may call it at once. What it throws
   * is dropped.
   *
   * It is moved into memory that these options and every `Loading`, `Engine` and `Row` of theirs own together, and goes
   * with the last of them.
   */
  template <class Callable>
  LoadOptions &on_event(Callable callable) {
    auto kept = std::make_shared<Callable>(std::move(callable));
    raw_.event_userdata = kept.get();
    raw_.on_event = [](void *userdata, monobloc_str json) noexcept {
      detail::shielded(*static_cast<Callable *>(userdata), detail::text(json));
    };
    events_ = std::move(kept);
    return *this;
  }

 private:
  friend class Engine;

  monobloc_load_options raw() const noexcept {
    monobloc_load_options options = raw_;
    options.digest = detail::text_or_null(digest_);
    options.state_dir = detail::text_or_null(state_dir_);
    return options;
  }

  monobloc_load_options raw_{};
  std::string digest_;
  std::string state_dir_;
  std::shared_ptr<void> events_;
};

/** The values of one field for all rows. */
class Column {
 public:
  /**
   * The values of an array or container. Numbers and truth values are read where they lie, each time that rows are
   * answered, and must outlive the rows; NaN is missing. Texts (`std::string`, `std::string_view`, `monobloc_str`,
   * `const char *`) are in UTF-8 and copied when rows are made; those without data are missing. `validity` has a bit for
   * each row, 1 where it has a value, the lowest bit of a byte first; NULL where all have one.
   */
  template <class Values, class Value = detail::Value<Values>>
  Column(std::string name, const Values &values, const void *validity = nullptr)
      : name_(std::move(name)), n_rows_(std::size(values)) {
    if constexpr (std::is_same_v<Value, std::string> || std::is_same_v<Value, std::string_view>) {
      texts_.reserve(n_rows_);
      for (const auto &text : values) texts_.push_back({text.data(), text.size()});
      place(MONOBLOC_STRING, nullptr, 0, validity);
    } else {
      place(detail::dtype_of<Value>(), std::data(values), 0, validity);
    }
  }

  /** `n_rows` values, each `stride` bytes after the one before. */
  template <class Value>
  Column(std::string name, const Value *first, std::size_t n_rows, std::ptrdiff_t stride,
         const void *validity = nullptr)
      : name_(std::move(name)), n_rows_(n_rows) {
    place(detail::dtype_of<std::remove_cv_t<Value>>(), first, stride, validity);
  }

 private:
  friend class Rows;

  void place(std::uint32_t dtype, const void *values, std::ptrdiff_t stride, const void *validity) noexcept {
    raw_.size = sizeof raw_;
    raw_.dtype = dtype;
    raw_.values = values;
    raw_.stride = stride;
    raw_.validity = validity;
  }

  monobloc_column raw() const noexcept {
    monobloc_column column = raw_;
    column.name = name_.c_str();
    if (!texts_.empty()) column.values = texts_.data();
    return column;
  }

  monobloc_column raw_{};
  std::string name_;
  std::size_t n_rows_;
  std::vector<monobloc_str> texts_;
};

/** A matrix with a column for each of the model's fields, in their order. It is read where it lies; NaN is missing. */
class Matrix {
 public:
  /** Strides are bytes from a row or column to the next, of any sign; 0 where rows lie one after another. */
  template <class Value>
  Matrix(const Value *values, std::size_t n_rows, std::size_t n_columns, std::ptrdiff_t row_stride = 0,
         std::ptrdiff_t column_stride = 0) noexcept {
    static_assert(std::is_same_v<Value, double> || std::is_same_v<Value, float>, "values are doubles or floats");
    raw_ = {sizeof raw_, detail::dtype_of<Value>(), values, n_rows, n_columns, row_stride, column_stride};
  }

  /** As the C interface takes it. */
  const monobloc_matrix *get() const noexcept { return &raw_; }

 private:
  monobloc_matrix raw_;
};

/** A tensor that the caller gives: its elements row after row, the last axis fastest. They are copied when it is run. */
class Tensor {
 public:
  /** An array or container of numbers, truth values or `monobloc_str`, as many as the axes of `shape` say. */
  template <class Elements>
  Tensor(std::string name, std::vector<std::size_t> shape, const Elements &elements)
      : name_(std::move(name)),
        shape_(std::move(shape)),
        dtype_(detail::dtype_of<detail::Value<Elements>>()),
        elements_(std::data(elements)),
        n_elements_(std::size(elements)) {}

 private:
  friend class Engine;

  bool is_whole() const noexcept {
    std::size_t rest = n_elements_;
    for (const std::size_t length : shape_) {
      if (length == 0) return n_elements_ == 0;
      if (rest % length != 0) return false;
      rest /= length;
    }
    return rest == 1;
  }

  monobloc_tensor raw() const noexcept {
    return {sizeof(monobloc_tensor), name_.c_str(), dtype_, shape_.size(), shape_.data(), elements_};
  }

  std::string name_;
  std::vector<std::size_t> shape_;
  std::uint32_t dtype_;
  const void *elements_;
  std::size_t n_elements_;
};

/** One output of a network. What it points to is valid as long as the `Tensors`. */
struct TensorView {
  std::string_view name;
  monobloc_dtype dtype;
  Span<const std::size_t> shape;
  /** The elements, row after row; of texts `monobloc_str`. */
  const void *elements;
  std::size_t n_elements;

  /** The elements as what they are; MONOBLOC_INVALID_ARGUMENT where that is not `T`. */
  template <class T>
  Outcome<Span<const T>> as() const {
    if (detail::dtype_of<T>() != dtype) {
      return detail::failed<Span<const T>>(Error("output " + std::string(name) + ": its elements are of type number " +
                                                 std::to_string(dtype) + " of monobloc_dtype; number " +
                                                 std::to_string(detail::dtype_of<T>()) + " was asked for"));
    }
    return Span<const T>(static_cast<const T *>(elements), n_elements);
  }
};

/** The outputs of a network. Any threads may read them at once. */
class Tensors {
 public:
  using Raw = monobloc_tensors;
  Tensors() noexcept = default;
  /** Takes over a handle of the C interface. */
  explicit Tensors(Raw *handle) noexcept : handle_(handle) {}

  /** The number of outputs. */
  std::size_t size() const noexcept { return monobloc_tensors_n(handle_.get()); }

  /** Output number `number`, counted from 0. MONOBLOC_INVALID_ARGUMENT beyond the last. */
  Outcome<TensorView> get(std::size_t number) const {
    monobloc_tensor_view view{};
    view.size = sizeof view;
    monobloc_error *error = nullptr;
    const monobloc_status status = monobloc_tensors_get(handle_.get(), number, &view, &error);
    if (status != MONOBLOC_OK) return detail::failed<TensorView>(Error(status, error));
    return TensorView{detail::text(view.name), static_cast<monobloc_dtype>(view.dtype), {view.shape, view.rank},
                      view.elements, view.n_elements};
  }

 private:
  std::unique_ptr<Raw, detail::Free> handle_;
};

/** One input field. Texts are valid as long as the engine. */
struct Field {
  std::string_view name;
  monobloc_kind kind;
  /** The same in `snake_case`, as in `"float"`. */
  std::string_view kind_name;
  /** The reference data's own name for the column's type, such as `float64` or `object`. */
  std::string_view dtype;
  /** Whether the model reads it. Fields that it does not read may be absent. */
  bool is_read;
};

/** One tensor that a network takes. What it points to is valid as long as the engine. */
struct TensorField {
  std::string_view name;
  monobloc_dtype dtype;
  /** The length of each axis; -1 where any will do. */
  Span<const std::int64_t> shape;
};

/** One label of a classifier. Its text is valid as long as the engine. */
using Label = std::variant<bool, std::int64_t, double, std::string_view>;

class Engine;

/**
 * Rows for one engine. Columns and matrices are read where they lie: they must outlive the rows, and their values may
 * change between calls. Any threads may answer the same rows at once.
 */
class Rows {
 public:
  using Raw = monobloc_rows;
  Rows() noexcept = default;
  /** Takes over a handle of the C interface. */
  explicit Rows(Raw *handle) noexcept : handle_(handle) {}

  /**
   * Rows of columns of one length, matched with the model's fields by name; MONOBLOC_SCHEMA where two have one name. That
   * a field which the model reads has none is told when they are answered.
   */
  static Outcome<Rows> from_columns(const Engine &engine, Span<const Column> columns);
  /** Rows of a matrix; MONOBLOC_SCHEMA where it has another number of columns than the model has fields. */
  static Outcome<Rows> from_matrix(const Engine &engine, const Matrix &matrix);
  /** Rows of a record batch of Arrow's. Both are taken over and marked as released, on errors too. */
  static Outcome<Rows> from_arrow(const Engine &engine, ArrowArray *array, ArrowSchema *schema);
  /** Rows of a stream of record batches of Arrow's. It is taken over and marked as released, on errors too. */
  static Outcome<Rows> from_arrow_stream(const Engine &engine, ArrowArrayStream *stream);
  /** Rows of a JSON request body, as docs/json.md specifies. Its values are copied. */
  static Outcome<Rows> from_json(const Engine &engine, std::string_view body);

  /** The number of rows. */
  std::size_t n_rows() const noexcept { return monobloc_rows_n_rows(handle_.get()); }
  /** As the C interface takes it. */
  const Raw *get() const noexcept { return handle_.get(); }

 private:
  std::unique_ptr<Raw, detail::Free> handle_;
};

/** Answers, row after row, and what was found in the rows. The answers of rows that have none are NaN. */
struct Prediction {
  std::vector<double> values;
  Verdicts verdicts;
};

/** An engine that is being loaded on a thread of its own. Any threads may ask whether it has ended. */
class Loading {
 public:
  using Raw = monobloc_loading;
  Loading() noexcept = default;

  /** Whether loading has ended. */
  bool is_ended() const noexcept { return monobloc_loading_wait(handle_.get(), 0); }
  /** Waits until loading has ended, but no longer than this; whether it has. */
  bool wait_for(std::chrono::milliseconds most) const noexcept {
    return monobloc_loading_wait(handle_.get(), static_cast<std::uint64_t>(most.count() < 0 ? 0 : most.count()));
  }
  /** Waits until loading has ended, and gives the engine, or what is wrong with the bloc. To be called once. */
  Outcome<Engine> wait();

 private:
  friend class Engine;
  Loading(Raw *handle, std::shared_ptr<void> events) noexcept : events_(std::move(events)), handle_(handle) {}

  std::shared_ptr<void> events_;
  std::unique_ptr<Raw, detail::Free> handle_;
};

/**
 * A model with its preprocessing, ready to predict. It does not change: any number of threads may use it at once.
 *
 * `answer` says what is asked of the model: MONOBLOC_OUTPUTS (probabilities of a classifier in the order of its classes),
 * MONOBLOC_CLASS and others. Answers are doubles, row after row, `answer_width` for each.
 */
class Engine {
 public:
  using Raw = monobloc_engine;
  Engine() noexcept = default;
  /** Takes over a handle of the C interface. */
  explicit Engine(Raw *handle) noexcept : handle_(handle) {}

  /** Loads the bloc at `path`: proves its container and structure, and maps the rest. */
  static Outcome<Engine> load(const std::string &path, const LoadOptions &options = LoadOptions()) {
    const monobloc_load_options raw = options.raw();
    monobloc_engine *handle = nullptr;
    monobloc_error *error = nullptr;
    const monobloc_status status = monobloc_engine_load(path.c_str(), &raw, &handle, &error);
    if (status != MONOBLOC_OK) return detail::failed<Engine>(Error(status, error));
    return Engine(handle, options.events_);
  }

  /** Begins to load the bloc at `path` on a thread of its own. What is wrong with the bloc is told by `Loading::wait`. */
  static Outcome<Loading> load_in_background(const std::string &path, const LoadOptions &options = LoadOptions()) {
    const monobloc_load_options raw = options.raw();
    monobloc_loading *handle = nullptr;
    monobloc_error *error = nullptr;
    const monobloc_status status = monobloc_engine_load_in_background(path.c_str(), &raw, &handle, &error);
    if (status != MONOBLOC_OK) return detail::failed<Loading>(Error(status, error));
    return Loading(handle, options.events_);
  }

  /** Another handle of the same engine. */
  Engine clone() const { return Engine(monobloc_engine_clone(get()), events_); }
  /** As the C interface takes it. */
  const Raw *get() const noexcept { return handle_.get(); }

  /** The model's name. */
  std::string_view name() const noexcept { return detail::text(monobloc_engine_name(get())); }
  /** The model's version. */
  std::string_view version() const noexcept { return detail::text(monobloc_engine_version(get())); }
  /** The bloc's digest: `sha256:` and 64 hexadecimal digits. */
  std::string_view digest() const noexcept { return detail::text(monobloc_engine_digest(get())); }
  /** The path that the bloc was loaded from; empty where it is not UTF-8. */
  std::string_view path() const noexcept { return detail::text(monobloc_engine_path(get())); }
  /** The class or format that the model was read from. */
  std::string_view source() const noexcept { return detail::text(monobloc_engine_source(get())); }
  /** The bloc's manifest, as JSON. */
  std::string_view manifest_json() const noexcept { return detail::text(monobloc_engine_manifest_json(get())); }
  /** What the model gives. */
  monobloc_task task() const noexcept { return monobloc_engine_task(get()); }
  /** Threads that batches take together now. */
  std::size_t threads() const noexcept { return monobloc_engine_threads(get()); }

  /** The number of input fields; 0 of networks that take tensors. */
  std::size_t n_fields() const noexcept { return monobloc_engine_n_fields(get()); }
  /** Field number `number`, counted from 0. MONOBLOC_INVALID_ARGUMENT beyond the last. */
  Outcome<Field> field(std::size_t number) const {
    monobloc_field field{};
    field.size = sizeof field;
    monobloc_error *error = nullptr;
    const monobloc_status status = monobloc_engine_field(get(), number, &field, &error);
    if (status != MONOBLOC_OK) return detail::failed<Field>(Error(status, error));
    return Field{detail::text(field.name), static_cast<monobloc_kind>(field.kind), detail::text(field.kind_name),
                 detail::text(field.dtype), field.is_read};
  }
  /** The number of the field called `name`, for `Row::set`. MONOBLOC_SCHEMA where there is none. */
  Outcome<std::size_t> field_number(const std::string &name) const {
    std::size_t number = 0;
    monobloc_error *error = nullptr;
    const monobloc_status status = monobloc_engine_field_number(get(), name.c_str(), &number, &error);
    if (status != MONOBLOC_OK) return detail::failed<std::size_t>(Error(status, error));
    return number;
  }
  /** The number of tensors that a network takes; 0 of models that take rows of fields. */
  std::size_t n_tensors() const noexcept { return monobloc_engine_n_tensors(get()); }
  /** Tensor number `number`, counted from 0. MONOBLOC_INVALID_ARGUMENT beyond the last. */
  Outcome<TensorField> tensor_field(std::size_t number) const {
    monobloc_tensor_field field{};
    field.size = sizeof field;
    monobloc_error *error = nullptr;
    const monobloc_status status = monobloc_engine_tensor_field(get(), number, &field, &error);
    if (status != MONOBLOC_OK) return detail::failed<TensorField>(Error(status, error));
    return TensorField{detail::text(field.name), static_cast<monobloc_dtype>(field.dtype), {field.shape, field.rank}};
  }
  /** The number of features that preprocessing makes of a row. */
  std::size_t n_features() const noexcept { return monobloc_engine_n_features(get()); }
  /** The name of feature number `feature`; empty where there is none. */
  std::string_view feature_name(std::size_t feature) const noexcept {
    return detail::text(monobloc_engine_feature_name(get(), feature));
  }
  /** The number of classes of a model that decides on one target; 0 of others. */
  std::size_t n_classes() const noexcept { return monobloc_engine_n_classes(get()); }
  /** The label of class number `number`, counted from 0 in the order of the probabilities, of a model with one target. */
  Outcome<Label> label(std::size_t number) const {
    return label_of([&](auto label, auto error) { return monobloc_engine_label(get(), number, label, error); });
  }
  /** The number of targets that the model decides on, each of which has labels of its own; 0 of models without labels. */
  std::size_t n_targets() const noexcept { return monobloc_engine_n_targets(get()); }
  /** The number of classes of target number `target`, counted from 0; 0 where there is none. */
  std::size_t n_target_classes(std::size_t target) const noexcept {
    return monobloc_engine_n_target_classes(get(), target);
  }
  /** The label of class number `number` of target number `target`, both counted from 0. */
  Outcome<Label> target_label(std::size_t target, std::size_t number) const {
    return label_of(
        [&](auto label, auto error) { return monobloc_engine_target_label(get(), target, number, label, error); });
  }
  /** A JSON Schema (draft 2020-12) of the request bodies that `run_json` takes. */
  Outcome<Bytes> json_schema() const {
    return detail::made<Bytes>([&](auto out, auto error) { return monobloc_engine_json_schema(get(), out, error); });
  }

  /** How many values a row's answer has; 0 where the model does not have it. */
  std::size_t answer_width(monobloc_answer answer = MONOBLOC_OUTPUTS) const noexcept {
    return monobloc_engine_answer_width(get(), answer);
  }

  /**
   * Writes the answers to all rows to `values`, `n_rows` times `answer_width` of them. MONOBLOC_ROWS_REJECTED where rows
   * have no answer: theirs are NaN, and the others are there.
   */
  Outcome<void> predict(const Rows &rows, Span<double> values, monobloc_answer answer = MONOBLOC_OUTPUTS) const {
    return detail::called([&](auto error) {
      return monobloc_engine_predict(get(), rows.get(), answer, values.data(), values.size(), error);
    });
  }
  /** The same of a matrix, without making rows of it: nothing is allocated. */
  Outcome<void> predict(const Matrix &matrix, Span<double> values, monobloc_answer answer = MONOBLOC_OUTPUTS) const {
    return detail::called([&](auto error) {
      return monobloc_engine_predict_matrix(get(), matrix.get(), answer, values.data(), values.size(), error);
    });
  }
  /** The same into memory that is allocated. */
  Outcome<std::vector<double>> predict(const Rows &rows, monobloc_answer answer = MONOBLOC_OUTPUTS) const {
    std::vector<double> values(rows.n_rows() * answer_width(answer));
    monobloc_error *error = nullptr;
    const monobloc_status status =
        monobloc_engine_predict(get(), rows.get(), answer, values.data(), values.size(), &error);
    if (status != MONOBLOC_OK) return detail::failed<std::vector<double>>(Error(status, error));
    return values;
  }

  /** `predict` with verdicts, and no error for rows without an answer, whose values are NaN. */
  Outcome<Verdicts> run(const Rows &rows, Span<double> values, monobloc_answer answer = MONOBLOC_OUTPUTS) const {
    return detail::made<Verdicts>([&](auto out, auto error) {
      return monobloc_engine_run(get(), rows.get(), answer, values.data(), values.size(), out, error);
    });
  }
  /** The same of a matrix, without making rows of it. */
  Outcome<Verdicts> run(const Matrix &matrix, Span<double> values, monobloc_answer answer = MONOBLOC_OUTPUTS) const {
    return detail::made<Verdicts>([&](auto out, auto error) {
      return monobloc_engine_run_matrix(get(), matrix.get(), answer, values.data(), values.size(), out, error);
    });
  }
  /** The same into memory that is allocated. */
  Outcome<Prediction> run(const Rows &rows, monobloc_answer answer = MONOBLOC_OUTPUTS) const {
    std::vector<double> values(rows.n_rows() * answer_width(answer));
    monobloc_verdicts *verdicts = nullptr;
    monobloc_error *error = nullptr;
    const monobloc_status status =
        monobloc_engine_run(get(), rows.get(), answer, values.data(), values.size(), &verdicts, &error);
    if (status != MONOBLOC_OK) return detail::failed<Prediction>(Error(status, error));
    return Prediction{std::move(values), Verdicts(verdicts)};
  }

  /** What `run` would say of rows, without predicting. */
  Outcome<Verdicts> check(const Rows &rows) const {
    return detail::made<Verdicts>(
        [&](auto out, auto error) { return monobloc_engine_check(get(), rows.get(), out, error); });
  }

  /** Writes the features that the model sees, row after row, `n_features` for each. MONOBLOC_ROWS_REJECTED as `predict`. */
  Outcome<void> transform(const Rows &rows, Span<double> features) const {
    return detail::called([&](auto error) {
      return monobloc_engine_transform_f64(get(), rows.get(), features.data(), features.size(), error);
    });
  }
  /** The same as floats, which is exact where the model sees floats. */
  Outcome<void> transform(const Rows &rows, Span<float> features) const {
    return detail::called([&](auto error) {
      return monobloc_engine_transform_f32(get(), rows.get(), features.data(), features.size(), error);
    });
  }

  /** Answers a JSON request body with a response body, both as docs/json.md specifies. */
  Outcome<Bytes> run_json(std::string_view body) const {
    return detail::made<Bytes>([&](auto out, auto error) {
      return monobloc_engine_run_json(get(), detail::bytes(body), body.size(), out, error);
    });
  }
  /** Answers a body of record batches with another, both in Arrow's IPC format, as docs/arrow.md specifies. */
  Outcome<Bytes> run_arrow(std::string_view body) const {
    return detail::made<Bytes>([&](auto out, auto error) {
      return monobloc_engine_run_arrow(get(), detail::bytes(body), body.size(), out, error);
    });
  }
  /** Writes a stream of tables of answers to `*stream`, which is not released before. The caller releases it. */
  Outcome<void> run_to_arrow(const Rows &rows, ArrowArrayStream *stream) const {
    return detail::called([&](auto error) { return monobloc_engine_run_to_arrow(get(), rows.get(), stream, error); });
  }

  /** Runs a network on tensors, matched by name. `*verdicts` tells of rows with NaN or infinite values. */
  Outcome<Tensors> run_tensors(Span<const Tensor> tensors, Verdicts *verdicts = nullptr) const {
    std::vector<monobloc_tensor> raw;
    raw.reserve(tensors.size());
    for (const Tensor &tensor : tensors) {
      if (!tensor.is_whole()) {
        return detail::failed<Tensors>(
            Error("tensor " + tensor.name_ + ": its " + std::to_string(tensor.n_elements_) +
                  " elements are not as many as its shape says"));
      }
      raw.push_back(tensor.raw());
    }
    return outputs(verdicts, [&](auto out, auto found, auto error) {
      return monobloc_engine_run_tensors(get(), raw.data(), raw.size(), out, found, error);
    });
  }
  /** Runs a network behind preprocessing on rows. */
  Outcome<Tensors> run_network(const Rows &rows, Verdicts *verdicts = nullptr) const {
    return outputs(verdicts, [&](auto out, auto found, auto error) {
      return monobloc_engine_run_network(get(), rows.get(), out, found, error);
    });
  }

  /** What loading cost. */
  Outcome<monobloc_load_report> load_report() const {
    return detail::filled<monobloc_load_report>(
        [&](auto out, auto error) { return monobloc_engine_load_report(get(), out, error); });
  }
  /** How the engine is; `*findings` has what is wrong, one sentence a line. */
  Outcome<monobloc_health> health(Bytes *findings = nullptr) const {
    return detail::explained<monobloc_health>(findings, [&](auto out, auto text, auto error) {
      return monobloc_engine_health(get(), out, text, error);
    });
  }
  /** Whether the engine may be sent rows: true as long as its file is the one that was loaded. */
  bool is_ready() const noexcept { return monobloc_engine_is_ready(get()); }
  /** Metrics of all processes that count together; `format` is `"prometheus"` or `"openmetrics"`. */
  Outcome<Bytes> metrics(const char *format = "prometheus") const {
    return detail::made<Bytes>(
        [&](auto out, auto error) { return monobloc_engine_metrics(get(), format, out, error); });
  }
  /** How the rows of the window, or those of `rows`, differ from the reference, as JSON. */
  Outcome<Bytes> drift_json(const Rows *rows = nullptr) const {
    return detail::made<Bytes>([&](auto out, auto error) {
      return monobloc_engine_drift(get(), rows == nullptr ? nullptr : rows->get(), out, nullptr, error);
    });
  }
  /** The same as a table for people. */
  Outcome<Bytes> drift_table(const Rows *rows = nullptr) const {
    return detail::made<Bytes>([&](auto out, auto error) {
      return monobloc_engine_drift(get(), rows == nullptr ? nullptr : rows->get(), nullptr, out, error);
    });
  }
  /** What was counted. MONOBLOC_INVALID_ARGUMENT where monitoring is off. */
  Outcome<monobloc_snapshot> snapshot() const {
    return detail::filled<monobloc_snapshot>(
        [&](auto out, auto error) { return monobloc_engine_snapshot(get(), out, error); });
  }

 private:
  friend class Loading;
  friend class Row;

  /** What `ask` writes as a label. */
  template <class Ask>
  static Outcome<Label> label_of(Ask ask) {
    monobloc_label label{};
    label.size = sizeof label;
    monobloc_error *error = nullptr;
    const monobloc_status status = ask(&label, &error);
    if (status != MONOBLOC_OK) return detail::failed<Label>(Error(status, error));
    switch (label.label_type) {
      case MONOBLOC_BOOLEAN_LABEL: return Label(label.integer != 0);
      case MONOBLOC_INTEGER_LABEL: return Label(label.integer);
      case MONOBLOC_FLOAT_LABEL: return Label(label.number);
      default: return Label(detail::text(label.text));
    }
  }

  Engine(Raw *handle, std::shared_ptr<void> events) noexcept : events_(std::move(events)), handle_(handle) {}

  template <class Call>
  static Outcome<Tensors> outputs(Verdicts *verdicts, Call call) {
    monobloc_verdicts *found = nullptr;
    auto tensors = detail::made<Tensors>(
        [&](auto out, auto error) { return call(out, verdicts == nullptr ? nullptr : &found, error); });
    if (verdicts != nullptr) *verdicts = Verdicts(found);
    return tensors;
  }

  std::shared_ptr<void> events_;
  std::unique_ptr<Raw, detail::Free> handle_;
};

/**
 * A row whose values are set one by one and stay until they are set again. Once each field's longest text was seen,
 * neither setting nor predicting allocates, as long as nothing is found in the row.
 *
 * One thread at a time may use a row; each makes its own. It keeps its engine alive.
 */
class Row {
 public:
  using Raw = monobloc_row;
  Row() noexcept = default;

  /** A row without values. */
  static Outcome<Row> of(const Engine &engine) {
    monobloc_row *handle = nullptr;
    monobloc_error *error = nullptr;
    const monobloc_status status = monobloc_row_new(engine.get(), &handle, &error);
    if (status != MONOBLOC_OK) return detail::failed<Row>(Error(status, error));
    return Row(handle, engine.events_);
  }

  /** Takes all values away. */
  Outcome<void> clear() { return set_or_fail(monobloc_row_clear(handle_.get()), 0); }

  /**
   * Sets field number `field` (`Engine::field_number`): to a number (NaN is missing), a truth value, a copy of a text in
   * UTF-8 (`std::string_view` or what converts to it), or `std::nullopt` and empty optionals, which are missing.
   * MONOBLOC_INVALID_ARGUMENT where there is no such field, or the text is not UTF-8.
   */
  template <class Value>
  Outcome<void> set(std::size_t field, const Value &value) {
    return set_or_fail(put(field, value), field);
  }
  /** Says that field number `field` has no value. */
  Outcome<void> set_missing(std::size_t field) {
    return set_or_fail(monobloc_row_set_missing(handle_.get(), field), field);
  }

  /** Writes the answer to `values`, `answer_width` of them: NaN and MONOBLOC_ROWS_REJECTED where the row has none. */
  Outcome<void> predict(Span<double> values, monobloc_answer answer = MONOBLOC_OUTPUTS) {
    return detail::called([&](auto error) {
      return monobloc_row_predict(handle_.get(), answer, values.data(), values.size(), error);
    });
  }
  /** The same with verdicts, and no error for a row without an answer. */
  Outcome<Verdicts> run(Span<double> values, monobloc_answer answer = MONOBLOC_OUTPUTS) {
    return detail::made<Verdicts>([&](auto out, auto error) {
      return monobloc_row_run(handle_.get(), answer, values.data(), values.size(), out, error);
    });
  }

 private:
  Row(Raw *handle, std::shared_ptr<void> events) noexcept : events_(std::move(events)), handle_(handle) {}

  static Outcome<void> set_or_fail(monobloc_status status, std::size_t field) {
    if (status == MONOBLOC_OK) return detail::done();
    return detail::failed<void>(Error("the row has no field number " + std::to_string(field) +
                                          ", or the text for it is not UTF-8, or the row was moved elsewhere",
                                      status));
  }

  template <class Value>
  monobloc_status put(std::size_t field, const Value &value) {
    if constexpr (std::is_same_v<Value, std::nullopt_t> || std::is_null_pointer_v<Value>) {
      return monobloc_row_set_missing(handle_.get(), field);
    } else if constexpr (std::is_same_v<Value, bool>) {
      return monobloc_row_set_bool(handle_.get(), field, value);
    } else if constexpr (std::is_integral_v<Value>) {
      if constexpr (std::is_unsigned_v<Value> && sizeof(Value) == sizeof(std::int64_t)) {
        if (value > static_cast<Value>(INT64_MAX)) {
          return monobloc_row_set_f64(handle_.get(), field, static_cast<double>(value));
        }
      }
      return monobloc_row_set_i64(handle_.get(), field, static_cast<std::int64_t>(value));
    } else if constexpr (std::is_floating_point_v<Value>) {
      return monobloc_row_set_f64(handle_.get(), field, static_cast<double>(value));
    } else if constexpr (std::is_convertible_v<const Value &, std::string_view>) {
      if constexpr (std::is_pointer_v<Value>) {
        if (value == nullptr) return monobloc_row_set_missing(handle_.get(), field);
      }
      const std::string_view text = value;
      return monobloc_row_set_text(handle_.get(), field, text.data(), text.size());
    } else {
      return value ? put(field, *value) : monobloc_row_set_missing(handle_.get(), field);
    }
  }

  std::shared_ptr<void> events_;
  std::unique_ptr<Raw, detail::Free> handle_;
};

/** A bloc that is open: its container is proven, its model is not loaded. Any threads may use it at once. */
class Bloc {
 public:
  using Raw = monobloc_bloc;
  Bloc() noexcept = default;
  /** Takes over a handle of the C interface. */
  explicit Bloc(Raw *handle) noexcept : handle_(handle) {}

  /** Opens the bloc at `path`, in time independent of its size. With a digest any other bloc is refused. */
  static Outcome<Bloc> open(const std::string &path, const std::string &digest = {}) {
    return detail::made<Bloc>([&](auto out, auto error) {
      return monobloc_bloc_open(path.c_str(), detail::text_or_null(digest), out, error);
    });
  }

  /** The bloc's digest. */
  std::string_view digest() const noexcept { return detail::text(monobloc_bloc_digest(handle_.get())); }
  /** The bloc's manifest, as JSON. */
  std::string_view manifest_json() const noexcept { return detail::text(monobloc_bloc_manifest_json(handle_.get())); }
  /** The file's size. */
  std::uint64_t size_bytes() const noexcept { return monobloc_bloc_size_bytes(handle_.get()); }
  /** Reads every byte and compares it with its digest. MONOBLOC_CORRUPT where they differ. */
  Outcome<void> verify() const {
    return detail::called([&](auto error) { return monobloc_bloc_verify(handle_.get(), error); });
  }
  /** Loads the bloc again and answers its golden rows. MONOBLOC_GOLDEN_MISMATCH where they have other answers. */
  Outcome<void> replay_golden() const {
    return detail::called([&](auto error) { return monobloc_bloc_replay_golden(handle_.get(), error); });
  }

 private:
  std::unique_ptr<Raw, detail::Free> handle_;
};

/** The library's version. */
inline const char *version() noexcept { return monobloc_version(); }

/** Whether the library is one that this header can be used with. */
inline bool is_compatible() noexcept { return monobloc_abi_version() >= MONOBLOC_ABI_VERSION; }

/** Whether the library runs networks. */
inline bool has_networks() noexcept { return monobloc_has_networks(); }

/** Whether the library knows Arrow's IPC format, which bodies of `run_arrow` and golden rows have. */
inline bool has_ipc() noexcept { return monobloc_has_ipc(); }

/** How many threads the batches of this process take. `workers` is the number of processes that share the CPUs, or 0 for
 * what the variable WEB_CONCURRENCY says; `*explanation` has why it is so, source by source. */
inline Outcome<monobloc_cpu_budget> cpu_budget(std::size_t workers = 0, Bytes *explanation = nullptr) {
  return detail::explained<monobloc_cpu_budget>(explanation, [&](auto out, auto text, auto error) {
    return monobloc_cpu_budget_read(workers, out, text, error);
  });
}

/** The memory that `workers` processes (at least 1) will take which each serve the blocs at `paths` with so many threads
 * (0 for the CPU budget); `*table` has the same for people. Each bloc is loaded for a moment. */
inline Outcome<monobloc_footprint> footprint(Span<const char *const> paths, std::size_t workers,
                                             std::size_t threads = 0, Bytes *table = nullptr) {
  return detail::explained<monobloc_footprint>(table, [&](auto out, auto text, auto error) {
    return monobloc_footprint_of(paths.data(), paths.size(), workers, threads, out, text, error);
  });
}

/**
 * Has `callable` called with messages from now on, in this process: a `monobloc_log_level` and a `std::string_view`. Any
 * threads may call it at once; what it throws is dropped. It is kept until the process ends, since calls under way may
 * still use one that was replaced.
 */
template <class Callable>
void set_log(Callable callable) {
  auto *kept = new detail::KeptCallable<Callable>(std::move(callable));
  detail::keep(kept);
  monobloc_set_log(
      [](void *userdata, std::uint32_t level, monobloc_str message) noexcept {
        detail::shielded(static_cast<detail::KeptCallable<Callable> *>(userdata)->callable,
                         static_cast<monobloc_log_level>(level), detail::text(message));
      },
      kept);
}

/** Ends it: faults are told on standard error again. */
inline void clear_log() noexcept { monobloc_set_log(nullptr, nullptr); }

inline Outcome<Rows> Rows::from_columns(const Engine &engine, Span<const Column> columns) {
  const std::size_t n_rows = columns.empty() ? 0 : columns[0].n_rows_;
  std::vector<monobloc_column> raw;
  raw.reserve(columns.size());
  for (const Column &column : columns) {
    if (column.n_rows_ != n_rows) {
      return detail::failed<Rows>(Error("column " + column.name_ + " has " + std::to_string(column.n_rows_) +
                                        " values; expected " + std::to_string(n_rows) + ", as column " +
                                        columns[0].name_ + " has"));
    }
    raw.push_back(column.raw());
  }
  return detail::made<Rows>([&](auto out, auto error) {
    return monobloc_rows_from_columns(engine.get(), raw.data(), raw.size(), n_rows, out, error);
  });
}

inline Outcome<Rows> Rows::from_matrix(const Engine &engine, const Matrix &matrix) {
  return detail::made<Rows>(
      [&](auto out, auto error) { return monobloc_rows_from_matrix(engine.get(), matrix.get(), out, error); });
}

inline Outcome<Rows> Rows::from_arrow(const Engine &engine, ArrowArray *array, ArrowSchema *schema) {
  return detail::made<Rows>(
      [&](auto out, auto error) { return monobloc_rows_from_arrow(engine.get(), array, schema, out, error); });
}

inline Outcome<Rows> Rows::from_arrow_stream(const Engine &engine, ArrowArrayStream *stream) {
  return detail::made<Rows>(
      [&](auto out, auto error) { return monobloc_rows_from_arrow_stream(engine.get(), stream, out, error); });
}

inline Outcome<Rows> Rows::from_json(const Engine &engine, std::string_view body) {
  return detail::made<Rows>([&](auto out, auto error) {
    return monobloc_rows_from_json(engine.get(), detail::bytes(body), body.size(), out, error);
  });
}

inline Outcome<Engine> Loading::wait() {
  monobloc_engine *handle = nullptr;
  monobloc_error *error = nullptr;
  const monobloc_status status = monobloc_loading_finish(handle_.release(), &handle, &error);
  if (status != MONOBLOC_OK) return detail::failed<Engine>(Error(status, error));
  return Engine(handle, std::move(events_));
}

}  // inline namespace
}  // namespace monobloc

#endif  // MONOBLOC_HPP
