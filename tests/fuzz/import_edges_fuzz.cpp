#include "fuzz/import_case.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace kronwerk;
  const fuzz::ImportCase input(data, size);
  io::EdgesOptions options;
  options.file = input.input();
  options.target = input.target();
  options.origin_column = input.text("origin-column");
  options.destination_column = input.text("destination-column");
  options.value_column = input.text("value-column");
  options.order = input.order();
  options.transform = fuzz::transform_of(input);
  options.sparse = input.has("sparse");
  options.weights = input.weights();
  input.run(io::import_edges, options);
  return 0;
}
