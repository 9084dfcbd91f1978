// Files that HDF5 itself wrote and whose contents nobody expects. An input is a list of lines:
//
//   dataset PATH TYPE SHAPE LAYOUT NUMBER...   TYPE: f4 f8 >f8 i1 i8 u4 ... s5 vlen enum compound
//   attribute PATH NAME TYPE SHAPE NUMBER...   array opaque reference bool; SHAPE: 3x4, scalar,
//   null text PATH NAME WORD                        a string attribute; LAYOUT: plain, chunk, gzip,
//   compact group PATH, soft PATH TARGET, hard PATH TARGET, external PATH FILE
#include <hdf5.h>

#include <array>
#include <optional>
#include <sstream>

#include "fuzz/hdf5_case.hpp"
#include "fuzz/hdf5_layout.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace kronwerk;
  static const fuzz::MpiProcess mpi;
  static const fuzz::ScratchFolder folder;
  const std::string file = folder.file("case.h5");
  fuzz::write_layout(file, fuzz::to_text(data, size));
  fuzz::read_file(mpi.comm(), file);
  return 0;
}
