// The C++ layer on a bloc of three fields: age and balance, which are floats, and region, a text. With exceptions and
// without: `layer BLOC` prints what was not as expected, and ends with 0 when all was.

#include <monobloc.hpp>
#include <monobloc.hpp>

#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

#if __cplusplus > 201703L
#include <span>
#endif

namespace {

int failures = 0;

#define EXPECT(condition)                                                        \
  do {                                                                           \
    if (!(condition)) {                                                          \
      std::fprintf(stderr, "line %d: expected %s\n", __LINE__, #condition);      \
      failures++;                                                                \
    }                                                                            \
  } while (0)

#ifdef MONOBLOC_NO_EXCEPTIONS
#define TAKE(call) (call).value()
// The error of a call that must fail.
template <class Call>
monobloc::Error failure(Call call) {
  auto result = call();
  EXPECT(!result.has_value() && !result);
  return result ? monobloc::Error("nothing failed", MONOBLOC_OK) : result.error();
}
#else
#define TAKE(call) (call)
template <class Call>
monobloc::Error failure(Call call) {
  try {
    (void)call();
  } catch (const monobloc::Error &error) {
    return error;
  }
  const bool it_failed = false;
  EXPECT(it_failed);
  return monobloc::Error("nothing failed", MONOBLOC_OK);
}
#endif
#define FAILS(call) failure([&] { return call; })

static_assert(!std::is_copy_constructible_v<monobloc::Engine> && std::is_nothrow_move_constructible_v<monobloc::Engine>);
static_assert(!std::is_copy_constructible_v<monobloc::Row> && std::is_nothrow_move_constructible_v<monobloc::Row>);
static_assert(!std::is_copy_constructible_v<monobloc::Rows> && std::is_nothrow_move_constructible_v<monobloc::Rows>);
static_assert(std::is_nothrow_copy_constructible_v<monobloc::Error>);

void schema(const monobloc::Engine &engine) {
  EXPECT(engine.name() == "sample" && engine.n_fields() == 3 && engine.n_features() == 5 && engine.n_tensors() == 0);
  EXPECT(engine.task() == MONOBLOC_CLASSIFICATION && engine.digest().size() == 71 && engine.threads() >= 1);
  EXPECT(engine.feature_name(4) == "south" && engine.feature_name(5).empty());
  const monobloc::Field region = TAKE(engine.field(2));
  EXPECT(region.name == "region" && region.kind == MONOBLOC_STRING_FIELD && region.kind_name == "string");
  EXPECT(FAILS(engine.field(3)).status() == MONOBLOC_INVALID_ARGUMENT);
  EXPECT(TAKE(engine.field_number("balance")) == 1);
  EXPECT(FAILS(engine.field_number("income")).code() == "schema");
  EXPECT(FAILS(engine.tensor_field(0)).status() == MONOBLOC_INVALID_ARGUMENT);
  EXPECT(engine.n_classes() == 2 && std::get<std::int64_t>(TAKE(engine.label(1))) == 1);
  EXPECT(engine.n_targets() == 1 && engine.n_target_classes(0) == 2 && engine.n_target_classes(1) == 0);
  EXPECT(std::get<std::int64_t>(TAKE(engine.target_label(0, 1))) == 1);
  EXPECT(FAILS(engine.target_label(1, 0)).status() == MONOBLOC_INVALID_ARGUMENT);
  EXPECT(TAKE(engine.json_schema()).view().front() == '{');
  EXPECT(TAKE(engine.load_report()).mapped_bytes > 0);
}

void rows(const monobloc::Engine &engine) {
  std::vector<double> ages{25, 40, NAN};
  const std::array<float, 3> balances{-10, 0.5F, 2500};
  const std::vector<std::string> regions{"north", "south", "east"};
  const std::string_view views[] = {"north", "south", "east"};
  const char *const texts[] = {"north", "south", "east"};
  std::vector<monobloc::Column> columns;
  columns.emplace_back("age", ages);
  columns.emplace_back("balance", balances);
  columns.emplace_back("region", regions);
  const monobloc::Rows some = TAKE(monobloc::Rows::from_columns(engine, columns));
  EXPECT(some.n_rows() == 3 && engine.answer_width() == 2 && engine.answer_width(MONOBLOC_CLASS) == 1);
  const std::vector<double> answers = TAKE(engine.predict(some));
  EXPECT(answers.size() == 6 && std::abs(answers[0] + answers[1] - 1) < 1e-12);

  std::array<double, 6> into{};
  TAKE(engine.predict(some, into));
  EXPECT(std::memcmp(into.data(), answers.data(), sizeof into) == 0);
  columns.pop_back();
  columns.emplace_back("region", views);
  TAKE(engine.predict(TAKE(monobloc::Rows::from_columns(engine, columns)), into));
  EXPECT(std::memcmp(into.data(), answers.data(), sizeof into) == 0);
  columns.pop_back();
  columns.emplace_back("region", texts);
  TAKE(engine.predict(TAKE(monobloc::Rows::from_columns(engine, columns)), into));
  EXPECT(std::memcmp(into.data(), answers.data(), sizeof into) == 0);

  const monobloc::Prediction prediction = TAKE(engine.run(some, MONOBLOC_OUTPUTS_AND_CLASS));
  EXPECT(prediction.values.size() == 9 && prediction.values[0] == answers[0]);
  const monobloc::Verdicts verdicts = TAKE(engine.run(some, into));
  EXPECT(verdicts.n_findings() == prediction.verdicts.n_findings());
  EXPECT(verdicts.n_findings() == TAKE(engine.check(some)).n_findings());
  ages[0] = 80;
  EXPECT(TAKE(engine.predict(some))[0] != answers[0]);

  std::vector<double> features(15);
  std::vector<float> singles(15);
  TAKE(engine.transform(some, features));
  TAKE(engine.transform(some, singles));
  EXPECT(features[3] == 1 && singles[3] == 1);
  EXPECT(FAILS(engine.predict(some, monobloc::Span<double>(into.data(), 5))).status() == MONOBLOC_INVALID_ARGUMENT);

  columns.emplace_back("more", monobloc::Span<const double>(ages.data(), 2));
  const monobloc::Error uneven = FAILS(monobloc::Rows::from_columns(engine, columns));
  EXPECT(uneven.status() == MONOBLOC_INVALID_ARGUMENT && uneven.code() == "invalid_argument");
  EXPECT(uneven.message() == "column more has 2 values; expected 3, as column age has");
  columns.pop_back();
  columns.pop_back();
  EXPECT(FAILS(engine.predict(TAKE(monobloc::Rows::from_columns(engine, columns)))).status() == MONOBLOC_SCHEMA);

  const double matrix[6] = {25, -10, 0, 40, 0.5, 0};
  std::array<double, 4> answered{};
  EXPECT(TAKE(engine.run(monobloc::Matrix(matrix, 2, 3), answered)).n_findings() >= 2);
  EXPECT(FAILS(monobloc::Rows::from_matrix(engine, monobloc::Matrix(matrix, 2, 2))).status() == MONOBLOC_SCHEMA);

  const monobloc::Rows bad = TAKE(monobloc::Rows::from_json(engine, R"([{"age":1,"balance":null,"region":"east"}])"));
  const monobloc::Error rejected = FAILS(engine.predict(bad));
  EXPECT(rejected.status() == MONOBLOC_ROWS_REJECTED && rejected.field() == "balance" && rejected.row() == 0U);
  EXPECT(rejected.http_status() == 422 && std::strlen(rejected.what()) > 10);
  const monobloc::Verdicts found = TAKE(engine.check(bad));
  const monobloc::Finding finding = TAKE(found.finding(0));
  EXPECT(finding.row == 0 && finding.status == MONOBLOC_ROW_REJECTED && finding.kind == MONOBLOC_MISSING);
  EXPECT(finding.field == "balance" && !finding.seen && !finding.used && finding.kind_name == "missing");
  EXPECT(found.status(0) == MONOBLOC_ROW_REJECTED && found.status(1) == MONOBLOC_ROW_OK);
  EXPECT(TAKE(found.to_json()).view().find("rejected") != std::string_view::npos);
  EXPECT(FAILS(found.finding(1)).status() == MONOBLOC_INVALID_ARGUMENT);
#if __cplusplus > 201703L
  const std::span<double> standard(into);
  TAKE(engine.predict(some, standard));
  const monobloc::Span<double> span(standard);
  EXPECT(std::span<double>(span).size() == 6);
#endif
}

// What each form of value sets, as the raw score tells.
void prepared(const monobloc::Engine &engine) {
  monobloc::Row row = TAKE(monobloc::Row::of(engine));
  double outputs[2];
  const auto answer = [&](auto age, auto balance, auto region) {
    TAKE(row.set(0, age));
    TAKE(row.set(1, balance));
    TAKE(row.set(2, region));
    TAKE(row.predict(outputs));
    return outputs[1];
  };
  const double expected = answer(40.0, 1.0, std::string_view("south"));
  EXPECT(answer(40, 1U, "south") == expected);
  EXPECT(answer(std::int64_t{40}, std::uint64_t{1}, std::string("south")) == expected);
  EXPECT(answer(40.0F, static_cast<std::int8_t>(1), std::optional<std::string>("south")) == expected);
  EXPECT(answer(std::optional<double>(40), true, "south") == expected);
  EXPECT(answer(20, 1, "south") != expected && answer(40, 0, "south") != expected && answer(40, 1, "north") != expected);
  EXPECT(answer(40, std::numeric_limits<std::uint64_t>::max(), "south") == answer(40, 0x1p64, "south"));
  const double missing = answer(NAN, 1.0, "south");
  EXPECT(answer(std::nullopt, 1.0, "south") == missing && answer(std::optional<int>(), 1.0, "south") == missing);
  TAKE(row.set_missing(0));
  TAKE(row.predict(outputs));
  EXPECT(outputs[1] == missing);

  const monobloc::Error beyond = FAILS(row.set(3, 1.0));
  EXPECT(beyond.status() == MONOBLOC_INVALID_ARGUMENT && beyond.http_status() == 400 && !beyond.row());
  EXPECT(FAILS(row.set(2, "\xff")).status() == MONOBLOC_INVALID_ARGUMENT);
  TAKE(row.clear());
  EXPECT(FAILS(row.predict(outputs)).status() == MONOBLOC_ROWS_REJECTED && std::isnan(outputs[0]));
  const monobloc::Verdicts verdicts = TAKE(row.run(outputs));
  EXPECT(verdicts.status(0) == MONOBLOC_ROW_REJECTED);
  monobloc::Row other = std::move(row);
  TAKE(other.clear());
  EXPECT(FAILS(row.clear()).status() == MONOBLOC_INVALID_ARGUMENT);
}

// A callable that counts its calls, its moves' last owner, and throws where there are exceptions.
struct Told {
  int *calls;
  std::shared_ptr<int> alive;
  void operator()(std::string_view json) const {
    *calls += !json.empty() && json.front() == '{';
#ifdef __cpp_exceptions
    throw 1;
#endif
  }
};

void loading(const char *path) {
  int calls = 0, logs = 0;
  const auto alive = std::make_shared<int>(0);
  monobloc::set_log([&logs](monobloc_log_level level, std::string_view message) {
    logs += level == MONOBLOC_LOG_INFO && !message.empty();
  });
  {
    monobloc::Row row;
    {
      monobloc::LoadOptions options;
      options.threads(1).workers(2).verify_full().without_monitor().on_event(Told{&calls, alive});
      monobloc::Loading loading = TAKE(monobloc::Engine::load_in_background(path, options));
      EXPECT(loading.wait_for(std::chrono::minutes(1)) && loading.is_ended());
      const monobloc::Engine engine = TAKE(loading.wait());
      EXPECT(FAILS(loading.wait()).status() == MONOBLOC_INVALID_ARGUMENT);
      const monobloc::Engine other = engine.clone();
      EXPECT(engine.threads() == 1 && other.digest() == engine.digest());
      EXPECT(FAILS(engine.snapshot()).status() == MONOBLOC_INVALID_ARGUMENT);
      row = TAKE(monobloc::Row::of(other));
    }
    EXPECT(alive.use_count() == 2 && logs == 1);
    double outputs[2];
    TAKE(row.set(0, INFINITY));
    EXPECT(FAILS(row.predict(outputs)).status() == MONOBLOC_ROWS_REJECTED);
    EXPECT(calls == 1);
  }
  EXPECT(alive.use_count() == 1);
  monobloc::clear_log();
  (void)TAKE(monobloc::Engine::load(path, monobloc::LoadOptions().digest(std::string(TAKE(monobloc::Bloc::open(path)).digest()))));
  EXPECT(logs == 1);
  EXPECT(FAILS(monobloc::Engine::load("/nowhere.bloc")).code() == "not_found");
  const std::string digest = "sha256:" + std::string(64, '0');
  EXPECT(FAILS(monobloc::Engine::load(path, monobloc::LoadOptions().digest(digest))).status() == MONOBLOC_DIGEST_MISMATCH);
}

void others(const monobloc::Engine &engine, const char *path) {
  const monobloc::Bytes response = TAKE(engine.run_json(R"([{"age":25,"balance":-10,"region":"north"}])"));
  EXPECT(response.view().find("probabilities") != std::string_view::npos && response.data()[response.size()] == '\0');
  EXPECT(FAILS(engine.run_json("[{")).http_status() == 400);
  EXPECT(FAILS(engine.run_arrow("ARROW1")).status() == MONOBLOC_MALFORMED_REQUEST);
  monobloc::Bytes text;
  EXPECT(!TAKE(engine.health(&text)).file_changed && engine.is_ready());
  EXPECT(TAKE(engine.snapshot()).rows > 0);
  EXPECT(TAKE(engine.metrics("openmetrics")).view().find("# EOF") != std::string_view::npos);
  EXPECT(TAKE(engine.drift_json()).view().front() == '{' && TAKE(engine.drift_table()).size() > 10);
  EXPECT(TAKE(monobloc::cpu_budget(2, &text)).workers == 2 && text.size() > 10);
  const char *const paths[] = {path};
  EXPECT(TAKE(monobloc::footprint(paths, 4, 1, &text)).workers == 4 && text.size() > 10);
  const monobloc::Bloc bloc = TAKE(monobloc::Bloc::open(path));
  TAKE(bloc.verify());
  TAKE(bloc.replay_golden());
  EXPECT(bloc.size_bytes() > 0 && bloc.digest() == engine.digest() && bloc.manifest_json().front() == '{');

  const monobloc::Rows rows = TAKE(monobloc::Rows::from_json(engine, R"([{"age":25,"balance":-10,"region":"north"}])"));
  ArrowArrayStream stream{};
  TAKE(engine.run_to_arrow(rows, &stream));
  EXPECT(TAKE(monobloc::Rows::from_arrow_stream(engine, &stream)).n_rows() == 1 && stream.release == nullptr);
  const float elements[] = {1, 2, 3};
  std::vector<monobloc::Tensor> tensors;
  tensors.emplace_back("input", std::vector<std::size_t>{1, 2}, elements);
  EXPECT(FAILS(engine.run_tensors(tensors)).message().find("3 elements") != std::string_view::npos);
  EXPECT(FAILS(engine.run_network(rows)).status() != MONOBLOC_OK);
  EXPECT(monobloc::is_compatible() && std::strlen(monobloc::version()) >= 5);
  EXPECT(FAILS(monobloc::Engine().json_schema()).status() == MONOBLOC_INVALID_ARGUMENT);
}

void threads(const monobloc::Engine &engine) {
  std::vector<std::thread> all;
  std::vector<double> answers(8);
  for (double &answer : answers) {
    all.emplace_back([&engine, &answer] {
      monobloc::Row row = TAKE(monobloc::Row::of(engine));
      double outputs[2];
      TAKE(row.set(0, 40));
      TAKE(row.set(1, 1));
      TAKE(row.set(2, "south"));
      for (int round = 0; round < 100; round++) TAKE(row.predict(outputs));
      answer = outputs[1];
    });
  }
  for (std::thread &thread : all) thread.join();
  for (const double answer : answers) EXPECT(answer == answers[0]);
}

}  // namespace

int main(int argc, char **argv) {
  if (argc != 2) return 2;
  const monobloc::Engine engine = TAKE(monobloc::Engine::load(argv[1]));
  schema(engine);
  rows(engine);
  prepared(engine);
  loading(argv[1]);
  others(engine, argv[1]);
  threads(engine);
  return failures != 0;
}
