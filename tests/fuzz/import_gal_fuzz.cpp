#include "fuzz/import_case.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace kronwerk;
  const fuzz::ImportCase input(data, size);
  io::GalOptions options;
  options.file = input.input();
  options.target = input.target();
  options.order = input.order();
  options.weights = input.weights();
  input.run(io::import_gal, options);
  return 0;
}
