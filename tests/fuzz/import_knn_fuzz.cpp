#include "fuzz/import_case.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace kronwerk;
  const fuzz::ImportCase input(data, size);
  io::KnnOptions options;
  options.file = input.input();
  options.target = input.target();
  options.k = fuzz::integer_of(input, "k", 2);
  options.metric = input.has("planar") ? io::Metric::planar : io::Metric::great_circle;
  options.x_column = input.text("x-column");
  options.y_column = input.text("y-column");
  options.id_column = input.text("id-column");
  options.order = input.order();
  options.weights = input.weights();
  input.run(io::import_knn, options);
  return 0;
}
