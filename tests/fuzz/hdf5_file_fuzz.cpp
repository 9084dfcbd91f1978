// HDF5 files, byte by byte: `show` and every reader on what the input holds. The library's own
// parsing is not instrumented, so that only sanitizers and hangs tell.
#include "fuzz/hdf5_case.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace kronwerk;
  static const fuzz::MpiProcess mpi;
  static const fuzz::ScratchFolder folder;
  fuzz::read_file(mpi.comm(), folder.write("case.h5", fuzz::to_text(data, size)));
  return 0;
}
