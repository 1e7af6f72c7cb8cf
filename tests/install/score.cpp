#include <monobloc.hpp>

#include <cmath>
#include <cstdio>
#include <exception>

int main(int argc, char **argv) {
  const double ages[] = {25.0, 61.5, NAN};
  const double balances[] = {-10.0, 2500.0, 0.5};
  const char *const regions[] = {"north", "mars", "east"};
  if (argc != 2) return 2;
  try {
    const monobloc::Engine engine = monobloc::Engine::load(argv[1]);
    monobloc::Row row = monobloc::Row::of(engine);
    for (std::size_t at = 0; at < 3; at++) {
      double outputs[2];
      row.set(0, ages[at]);
      row.set(1, balances[at]);
      row.set(2, regions[at]);
      row.predict(outputs);
      std::printf("%.17g %.17g\n", outputs[0], outputs[1]);
    }
    return 0;
  } catch (const std::exception &error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
