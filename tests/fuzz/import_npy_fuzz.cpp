#include "fuzz/import_case.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace kronwerk;
  const fuzz::ImportCase input(data, size);
  io::NpyOptions options;
  options.file = input.input();
  options.target = input.target();
  std::istringstream arrays(input.text("arrays"));
  for (std::string name; std::getline(arrays, name, ',');) options.arrays.push_back(name);
  input.run(io::import_npy, options);
  return 0;
}
