#include "application/measure/bench.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <optional>
#include <thread>
#include <vector>

namespace kronwerk::application {
namespace {

// Of all rounds the best counts: what else runs on the machine only ever makes things slower.
constexpr int rounds = 3;
constexpr double enough_seconds = 0.01;  ///< for one round
constexpr int most_repeats = 1000;

double seconds_of(const std::function<void()>& work) {
  using Clock = std::chrono::steady_clock;
  const auto begin = Clock::now();
  work();
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

double median_seconds(const std::function<void()>& work, int repeats) {
  std::vector<double> values;
  for (int repeat = 0; repeat < repeats; ++repeat) values.push_back(seconds_of(work));
  return median(std::move(values));
}

/// Until rank 0 is here, without keeping a core busy. Collective.
void sleep_until_root_is_here(const communication::Communicator& comm) {
  MPI_Request request = MPI_REQUEST_NULL;
  communication::check_mpi(MPI_Ibarrier(comm.get(), &request));
  for (int done = 0; done == 0;) {
    communication::check_mpi(MPI_Test(&request, &done, MPI_STATUS_IGNORE));
    if (done == 0) std::this_thread::sleep_for(std::chrono::microseconds(500));
  }
}

}  // namespace

Bench::Bench(const communication::Communicator& comm)
    : comm_(&comm), self_(communication::Communicator::duplicate(MPI_COMM_SELF)) {
  static_cast<void>(self_.node());
}

Bench::Seconds Bench::time(const std::function<void()>& work) const {
  Seconds seconds;
  double repeats = 1;
  std::optional<communication::Failure> failure;
  if (comm_->is_root()) {
    failure = communication::failure_of(
        [&] {
          work();
          const double once = seconds_of(work);
          repeats = std::clamp(std::ceil(enough_seconds / std::max(once, 1e-9)), 1.0,
                               double{most_repeats});
          seconds.one_rank = once;
          for (int round = 0; round < rounds; ++round) {
            seconds.one_rank =
                std::min(seconds.one_rank, median_seconds(work, static_cast<int>(repeats)));
          }
        },
        comm_->rank());
  }
  sleep_until_root_is_here(*comm_);
  communication::on_root(*comm_, [&] {
    if (failure) core::throw_error(failure->kind, failure->message);
  });
  repeats = comm_->max(repeats);
  seconds.one_rank = comm_->max(seconds.one_rank);
  seconds.all_ranks = seconds.one_rank;
  if (comm_->size() == 1) return seconds;
  communication::collectively(*comm_, [&] { work(); });
  for (int round = 0; round < rounds; ++round) {
    double own = 0;
    comm_->barrier();
    communication::collectively(*comm_,
                                [&] { own = median_seconds(work, static_cast<int>(repeats)); });
    const double slowest = comm_->max(own);
    seconds.all_ranks = round == 0 ? slowest : std::min(seconds.all_ranks, slowest);
  }
  return seconds;
}

configuration::Rate Bench::rate(double amount, const std::function<void()>& work) const {
  const Seconds seconds = time(work);
  return {amount / seconds.one_rank, amount / seconds.all_ranks};
}

void Bench::add(configuration::RateTable& table, double size, double amount,
                const std::function<void()>& work) const {
  const configuration::Rate found = rate(amount, work);
  table.sizes.push_back(size);
  table.one_rank.push_back(found.one_rank);
  table.all_ranks.push_back(found.all_ranks);
}

double Bench::time_together(const communication::Communicator& among,
                            const std::function<void()>& work) {
  work();
  const auto slowest = [&] {
    among.barrier();
    return among.max(seconds_of(work));
  };
  double best = slowest();
  const int repeats = static_cast<int>(
      std::clamp(std::ceil(rounds * enough_seconds / std::max(best, 1e-9)), double{rounds}, 200.0));
  for (int repeat = 0; repeat < repeats; ++repeat) best = std::min(best, slowest());
  return best;
}

}  // namespace kronwerk::application
