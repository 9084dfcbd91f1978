#pragma once

#include <functional>

#include "kronwerk/communication/communicator.hpp"
#include "kronwerk/configuration/machine.hpp"

namespace kronwerk::application {

/// Times work of one rank alone, the others asleep, and of all ranks at once: the best of some
/// rounds, everything done once before the clock runs.
class Bench {
 public:
  /// Collective. @param comm  must outlive this
  explicit Bench(const communication::Communicator& comm);

  const communication::Communicator& comm() const noexcept { return *comm_; }
  /// This rank alone: what the library's objects are made with that one rank works on.
  const communication::Communicator& self() const noexcept { return self_; }

  /// Runs `work`, which is local, on every rank at once after a barrier, or on rank 0 alone.
  /// Collective. @return seconds of one call; of the slowest rank
  struct Seconds {
    double one_rank = 0;
    double all_ranks = 0;
  };
  Seconds time(const std::function<void()>& work) const;
  /// What a rank does of `amount` per second. Collective.
  configuration::Rate rate(double amount, const std::function<void()>& work) const;
  /// The same as a further size of a table. Collective.
  void add(configuration::RateTable& table, double size, double amount,
           const std::function<void()>& work) const;
  /// Of work that all ranks of `among` do together: of the slowest. Collective on `among`.
  static double time_together(const communication::Communicator& among,
                              const std::function<void()>& work);

 private:
  const communication::Communicator* comm_;
  communication::Communicator self_;
};

}  // namespace kronwerk::application
