#include "fuzz/import_case.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace kronwerk;
  const fuzz::ImportCase input(data, size);
  io::MatrixMarketOptions options;
  options.file = input.input();
  options.target = input.target();
  options.weights = input.weights();
  input.run(io::import_matrix_market, options);
  return 0;
}
