// redistribution_benchmark LEADING TRAILING REPEATS
// Home → away → home of one vector, packing included, against two bare MPI_Alltoalls of the same
// bytes and against a plain copy of the same memory.
#include <cstring>

#include "benchmarks/measure.hpp"
#include "kronwerk/communication/redistribution.hpp"

namespace communication = kronwerk::communication;
namespace benchmarks = kronwerk::benchmarks;
using kronwerk::core::Index;

namespace {

void run(Index leading, Index trailing, int repeats) {
  const auto comm = communication::Communicator::duplicate(PETSC_COMM_WORLD);
  const kronwerk::distribution::Layout layout({leading, trailing}, 1, comm.size());
  const auto size = static_cast<std::size_t>(layout.home_size(comm.rank()));
  std::vector<double> x(size), y(size, 0.0);
  for (std::size_t i = 0; i < size; ++i) {
    x[i] = static_cast<double>(layout.home_begin(comm.rank())) + static_cast<double>(i);
  }
  communication::SharedBlocks blocks(comm);
  communication::Redistribution redistribution(blocks, layout);
  constexpr Index chunk = 32;

  const auto there_and_back = [&] {
    redistribution.to_away(chunk, [&](Index first, Index) { return x.data() + first * trailing; });
    redistribution.to_home(
        chunk, [&](Index first, Index) { return y.data() + first * trailing; },
        [](Index, Index) {});
  };
  benchmarks::BareExchange bare(comm, layout.size());
  const auto times =
      benchmarks::medians_in_turns(comm, repeats,
                                   {there_and_back, [&] { bare(), bare(); },
                                    [&] {
                                      std::memcpy(y.data(), x.data(), size * sizeof(double));
                                      std::memcpy(x.data(), y.data(), size * sizeof(double));
                                    }});
  there_and_back();
  if (comm.any(x != y)) throw kronwerk::core::InternalError("the vector came back changed");
  benchmarks::report(comm, "exchange_seconds", times[0]);
  benchmarks::report(comm, "alltoall_seconds", times[1]);
  benchmarks::report(comm, "copy_seconds", times[2]);
}

}  // namespace

int main(int argc, char** argv) {
  return benchmarks::run_program(argc, argv, 3, "redistribution_benchmark LEADING TRAILING REPEATS",
                                 [](const benchmarks::Arguments& arguments) {
                                   run(arguments.index(1), arguments.index(2), arguments.times(3));
                                 });
}
