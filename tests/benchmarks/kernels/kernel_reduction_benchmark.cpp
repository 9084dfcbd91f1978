// kernel_reduction_benchmark REPEATS POINTS
// Reductions of kernel formulas over POINTS x POINTS pairs of three-dimensional standard normal
// points, rows dealt to the ranks, in turns with loops written by hand (kernel_loops.cpp). Prints
// pairs per second of all ranks together and the share of the hand-written loop's speed.
#include <cmath>
#include <memory>
#include <new>

#include "benchmarks/kernels/kernel_loops.hpp"
#include "benchmarks/measure.hpp"
#include "kronwerk/distribution/partition.hpp"
#include "kronwerk/kernels/reductions/reduction.hpp"
#include "kronwerk/operators/base/random.hpp"
#include "kronwerk/operators/products/kronecker_product.hpp"

namespace communication = kronwerk::communication;
namespace kernels = kronwerk::kernels;
namespace benchmarks = kronwerk::benchmarks;
using benchmarks::Loop;
using kernels::Precision;
using kernels::ReductionKind;
using kronwerk::core::Index;

namespace {

struct Formula {
  Loop loop;
  const char* name;
  const char* text;
};

const Formula formulas[] = {
    {Loop::gaussian, "gaussian", "exp(-sqdist(x, y) / (2*s^2)) * b"},
    {Loop::laplacian, "laplacian", "exp(-norm(x - y) / s) * b"},
    {Loop::cauchy, "cauchy", "b / (1 + sqdist(x, y))"},
    {Loop::multiquadric, "multiquadric", "rsqrt(1 + sqdist(x, y)) * b"},
    {Loop::matern, "matern", "(1 + sqrt(3) * norm(x - y)) * exp(-sqrt(3) * norm(x - y)) * b"},
    {Loop::linear, "linear", "dot(x, y) * b"},
    {Loop::polynomial, "polynomial", "(dot(x, y) + 1)^3 * b"},
    {Loop::energy, "energy", "-norm(x - y) * b"},
    {Loop::compact, "compact", "relu(1 - sqdist(x, y)) * b"},
    {Loop::sigmoid, "sigmoid", "tanh(dot(x, y) + 0.5) * b"},
    {Loop::force, "force", "exp(-sqdist(x, y) / (2*s^2)) * (y - x) * b"},
};

template <typename T>
struct Aligned {
  struct Free {
    void operator()(T* values) const { ::operator delete (values, std::align_val_t{64}); }
  };
  explicit Aligned(Index size)
      : values(static_cast<T*>(
            ::operator new (static_cast<std::size_t>(size) * sizeof(T), std::align_val_t{64}))) {
    std::fill_n(values.get(), size, T{0});
  }
  std::unique_ptr<T, Free> values;
};

Index padded(Index count) {
  return (count + 15) / 16 * 16;
}

kernels::Cloud normal_cloud(Index count, int dimension, std::uint64_t seed) {
  kernels::Cloud cloud{dimension, count, {}};
  cloud.values.resize(static_cast<std::size_t>(count * dimension));
  kronwerk::operators::fill_random(kronwerk::operators::RandomKind::normal, seed, 0, cloud.values);
  return cloud;
}

template <typename T>
Aligned<T> padded_values(const kernels::Cloud& cloud) {
  const Index stride = padded(cloud.count);
  Aligned<T> result(cloud.dimension * stride);
  for (int c = 0; c < cloud.dimension; ++c) {
    for (Index p = 0; p < cloud.count; ++p) {
      result.values.get()[c * stride + p] =
          static_cast<T>(cloud.values[static_cast<std::size_t>(c * cloud.count + p)]);
    }
  }
  return result;
}

class Benchmark {
 public:
  Benchmark(const communication::Communicator& comm, int repeats, Index points)
      : comm_(comm), repeats_(repeats), points_(points) {
    const kronwerk::distribution::BlockPartition part(points, comm.size());
    rows_.count = part.count(comm.rank());
    rows_.first = part.begin(comm.rank());
    rows_.variables["x"] =
        normal_cloud(rows_.count, 3, 11 + static_cast<std::uint64_t>(comm.rank()));
    columns_.count = points;
    columns_.variables["y"] = normal_cloud(points, 3, 2);
    columns_.variables["b"] = normal_cloud(points, 1, 3);
    constants_.parameters["s"] = 1.0;
    symbols_.variables["x"] = {3, kernels::axis_i};
    symbols_.variables["y"] = {3, kernels::axis_j};
    symbols_.variables["b"] = {1, kernels::axis_j};
    symbols_.parameters = {"s"};
  }

  void run() {
    for (const Precision precision : {Precision::float64, Precision::float32}) {
      const std::string suffix = precision == Precision::float64 ? "_float64" : "_float32";
      double logarithms = 0;
      double least = 1e9;
      int others = 0;
      for (const Formula& formula : formulas) {
        const double share = precision == Precision::float64 ? compare<double>(formula, suffix)
                                                             : compare<float>(formula, suffix);
        if (formula.loop == Loop::gaussian) continue;
        logarithms += std::log(share);
        least = std::min(least, share);
        ++others;
      }
      benchmarks::report(comm_, ("share_mean" + suffix).c_str(), std::exp(logarithms / others));
      benchmarks::report(comm_, ("share_least" + suffix).c_str(), least);
      reduce("logsumexp", "-sqdist(x, y) / (2*s^2)", ReductionKind::logsumexp, 1, precision,
             suffix);
      reduce("argmin", "sqdist(x, y)", ReductionKind::argmin, 1, precision, suffix);
      reduce("argkmin_5", "sqdist(x, y)", ReductionKind::argkmin, 5, precision, suffix);
      vectors(precision, suffix);
    }
    first_tile();
  }

 private:
  kernels::Expression parse(const std::string& text) const {
    return kernels::analyse(text, symbols_, "benchmark");
  }
  double pairs() const { return static_cast<double>(points_) * static_cast<double>(points_); }

  template <typename T>
  double compare(const Formula& formula, const std::string& suffix) {
    const kernels::Expression expression = parse(formula.text);
    const Precision precision = sizeof(T) == 8 ? Precision::float64 : Precision::float32;
    const auto x = padded_values<T>(rows_.variables.at("x"));
    const auto y = padded_values<T>(columns_.variables.at("y"));
    const auto b = padded_values<T>(columns_.variables.at("b"));
    const benchmarks::LoopPoints<T> loop{x.values.get(), padded(rows_.count), y.values.get(),
                                         b.values.get(), padded(points_)};
    std::vector<double> by_hand(static_cast<std::size_t>(3 * padded(rows_.count)));
    std::vector<double> ours;
    const auto times = benchmarks::medians_in_turns(
        comm_, repeats_,
        {[&] {
           kernels::LocalReduction reduction(expression, constants_, precision,
                                             {{ReductionKind::sum, 1, {}}}, rows_);
           reduction.add(columns_);
           ours = reduction.finish()[0].values;
         },
         [&] { benchmarks::run_loop(formula.loop, loop, by_hand.data()); }});
    double error = 0;
    double size = 0;
    for (std::size_t i = 0; i < ours.size(); ++i) {
      error = std::max(error, std::abs(ours[i] - by_hand[i]));
      size = std::max(size, std::abs(by_hand[i]));
    }
    const std::string name = formula.name + suffix;
    benchmarks::report(comm_, (name + "_pairs_per_second").c_str(), pairs() / times[0]);
    benchmarks::report(comm_, (name + "_by_hand").c_str(), pairs() / times[1]);
    benchmarks::report(comm_, (name + "_share").c_str(), times[1] / times[0]);
    benchmarks::report(comm_, (name + "_difference").c_str(), comm_.max(error / size));
    return times[1] / times[0];
  }

  void reduce(const std::string& name, const std::string& text, ReductionKind kind, Index k,
              Precision precision, const std::string& suffix) {
    const kernels::Expression expression = parse(text);
    const auto times = benchmarks::medians_in_turns(comm_, repeats_, {[&] {
                                                      kernels::LocalReduction reduction(
                                                          expression, constants_, precision,
                                                          {{kind, k, {}}}, rows_);
                                                      reduction.add(columns_);
                                                      static_cast<void>(reduction.finish());
                                                    }});
    benchmarks::report(comm_, (name + suffix + "_pairs_per_second").c_str(), pairs() / times[0]);
  }

  void vectors(Precision precision, const std::string& suffix) {
    const kernels::Program program(parse("exp(-sqdist(x, y) / (2*s^2))"), constants_, precision);
    const auto v = normal_cloud(points_, 16, 5).values;
    std::vector<double> out(static_cast<std::size_t>(rows_.count) * 16);
    const auto with = [&](Index width) {
      return [&, width] { kernels::multiply_add(program, rows_, columns_, v, width, out); };
    };
    const auto times = benchmarks::medians_in_turns(comm_, repeats_, {with(1), with(16)});
    benchmarks::report(comm_, ("vectors_16_over_1" + suffix).c_str(), times[1] / times[0]);
    benchmarks::report(comm_, ("vectors_1_pairs_per_second" + suffix).c_str(), pairs() / times[0]);
  }

  // A formula never seen before, from its text to values.
  void first_tile() {
    const kernels::Side rows{0, 1, {{"x", normal_cloud(1, 3, 1)}}};
    const kernels::Side columns{
        0, 64, {{"y", normal_cloud(64, 3, 2)}, {"b", normal_cloud(64, 1, 3)}}};
    int fresh = 0;
    const auto times = benchmarks::medians_in_turns(
        comm_, 11, {[&] {
          const std::string text = "exp(-sqdist(x, y) / (2*s^2)) * (b + " +
                                   std::to_string(++fresh) + ") * sin(dot(x, y))";
          kernels::LocalReduction reduction(parse(text), constants_, Precision::float64,
                                            {{ReductionKind::sum, 1, {}}}, rows);
          reduction.add(columns);
          static_cast<void>(reduction.finish());
        }});
    benchmarks::report(comm_, "seconds_to_first_tile", times[0]);
  }

  const communication::Communicator& comm_;
  int repeats_;
  Index points_;
  kernels::Side rows_;
  kernels::Side columns_;
  kernels::Constants constants_;
  kernels::Symbols symbols_;
};

}  // namespace

int main(int argc, char** argv) {
  return benchmarks::run_program(
      argc, argv, 0, "kernel_reduction_benchmark [REPEATS [POINTS]]",
      [](const benchmarks::Arguments& arguments) {
        const auto comm = communication::Communicator::duplicate(PETSC_COMM_WORLD);
        Benchmark(comm, arguments.times(1, 3), arguments.index(2, 20000)).run();
      });
}
