#include "fuzz/import_case.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace kronwerk;
  const fuzz::ImportCase input(data, size);
  io::TableOptions options;
  options.file = input.input();
  options.target = input.target();
  std::istringstream columns(input.text("columns"));
  for (std::string name; std::getline(columns, name, ',');) options.columns.push_back(name);
  options.id_column = input.text("id-column");
  options.row_ids = input.text("row-ids");
  options.column_ids = input.text("column-ids");
  std::istringstream values(input.text("values"));
  for (std::string name; std::getline(values, name, ',');) options.values.push_back(name);
  if (input.has("fill")) options.fill = 0;
  options.sum = input.has("sum");
  options.format = {input.text("separator").c_str()[0], input.has("decimal-comma")};
  if (input.has("missing")) options.missing = io::MissingCells::nan;
  options.order = input.order();
  options.transform = fuzz::transform_of(input);
  options.transpose = input.has("transpose");
  options.separate = input.has("separate");
  options.remove_seasonal_mean = input.has("remove-seasonal-mean");
  // The command line bounds it.
  options.harmonics =
      std::clamp<kronwerk::core::Index>(fuzz::integer_of(input, "harmonics", 2), 0, 100);
  options.time_path = input.text("time");
  input.run(io::import_table, options);
  return 0;
}
