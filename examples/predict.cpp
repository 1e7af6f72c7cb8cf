// Scores the rows of a CSV file: `predict BLOC ROWS.csv`.
//
//     c++ -std=c++17 -o predict predict.cpp $(pkg-config --cflags --libs monobloc)
//
// The file and what is printed are described in predict.rs, and are the same in C, C++, Python and Rust: for each field
// `name kind dtype`, for each row its outputs, for each thing found in a row `row N: status: field: reason`.

#include <monobloc.hpp>

#include <charconv>
#include <cmath>
#include <exception>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace {

constexpr std::string_view STATUS[] = {"ok", "flagged", "repaired", "rejected"};

// The fewest digits that read back as the same number, as Rust's `{:?}` lays them out.
std::string shortest(double number) {
  if (std::isnan(number)) return "NaN";
  if (std::isinf(number)) return number > 0 ? "inf" : "-inf";
  const double size = std::abs(number);
  const bool is_plain = number == 0 || (size >= 1e-4 && size < 1e16);
  char text[32];
  const auto format = is_plain ? std::chars_format::fixed : std::chars_format::scientific;
  std::string digits(text, std::to_chars(text, text + sizeof text, number, format).ptr);
  if (is_plain) return digits.find('.') == std::string::npos ? digits + ".0" : digits;
  const std::size_t exponent = digits.find('e') + 1;
  return digits.substr(0, exponent) + std::to_string(std::stoi(digits.substr(exponent)));
}

std::vector<std::string> cells_of(std::string_view line) {
  std::vector<std::string> cells;
  for (;;) {
    const std::size_t comma = line.find(',');
    cells.emplace_back(line.substr(0, comma));
    if (comma == std::string_view::npos) return cells;
    line.remove_prefix(comma + 1);
  }
}

bool read_line(std::istream &file, std::string &line) {
  if (!std::getline(file, line)) return false;
  if (!line.empty() && line.back() == '\r') line.pop_back();
  return true;
}

double number_of(const std::string &cell) {
  std::size_t length = 0;
  const double number = std::stod(cell, &length);
  if (length != cell.size()) throw std::invalid_argument("found \"" + cell + "\", expected a number");
  return number;
}

void predict(const char *bloc, const char *rows) {
  // Loading maps the file and proves its structure, which costs little whatever the model's size.
  const monobloc::Engine engine = monobloc::Engine::load(bloc);
  std::vector<monobloc::Field> fields;
  for (std::size_t number = 0; number < engine.n_fields(); number++) {
    const monobloc::Field &field = fields.emplace_back(engine.field(number));
    std::cout << field.name << ' ' << field.kind_name << ' ' << field.dtype << '\n';
  }

  std::ifstream file(rows);
  std::string line;
  if (!read_line(file, line)) throw std::runtime_error(std::string(rows) + ": expected a line of names");
  const std::vector<std::string> header = cells_of(line);

  // One row, whose memory is used again for each line.
  monobloc::Row row = monobloc::Row::of(engine);
  std::vector<double> outputs(engine.answer_width());
  std::vector<monobloc::Verdicts> verdicts;
  while (read_line(file, line)) {
    const std::vector<std::string> cells = cells_of(line);
    if (cells.size() != header.size()) throw std::runtime_error("a line has another number of cells than the first");
    for (std::size_t number = 0; number < fields.size(); number++) {
      for (std::size_t column = 0; column < header.size(); column++) {
        if (header[column] != fields[number].name) continue;
        const std::string &cell = cells[column];
        if (cell.empty()) {
          row.set_missing(number);
        } else if (fields[number].kind == MONOBLOC_STRING_FIELD) {
          row.set(number, cell);
        } else {
          row.set(number, number_of(cell));
        }
      }
    }
    // A bad row is no error: its outputs are NaN, and there is a verdict.
    verdicts.push_back(row.run(outputs));
    const char *before = "";
    for (const double output : outputs) {
      std::cout << before << shortest(output);
      before = " ";
    }
    std::cout << '\n';
  }

  for (std::size_t at = 0; at < verdicts.size(); at++) {
    for (std::size_t number = 0; number < verdicts[at].n_findings(); number++) {
      const monobloc::Finding finding = verdicts[at].finding(number);
      std::cout << "row " << at << ": " << STATUS[finding.status] << ": " << finding.field << ": " << finding.reason
                << '\n';
    }
  }
}

}  // namespace

int main(int argc, char **argv) {
  if (argc != 3) {
    std::cerr << "usage: predict BLOC ROWS.csv\n";
    return 2;
  }
  try {
    predict(argv[1], argv[2]);
    return 0;
  } catch (const std::exception &error) {
    std::cerr << "predict: " << error.what() << '\n';
    return 1;
  }
}
