// Declared in kronwerk/kernels/engine/program.hpp.
#include <algorithm>

#include "kernels/engine/pair_evaluator.hpp"
#include "kernels/engine/program_state.hpp"
#include "kronwerk/core/error.hpp"
#include "kronwerk/core/interruption.hpp"

namespace kronwerk::kernels {

namespace {

/// Some milliseconds, even of expensive formulas.
constexpr Index groups_between_checks = 64;

Index groups_of(const Side& rows) {
  return (rows.count + row_group - 1) / row_group;
}

void check_size(std::size_t size, Index needed, const char* what) {
  if (static_cast<Index>(size) < needed) {
    throw core::InternalError(std::string(what) +
                              " of a kernel matrix is too small: " + std::to_string(size) +
                              " values instead of " + std::to_string(needed));
  }
}

template <typename T>
void evaluate_as(const Compiled& compiled, const Side& rows, const Side& columns, double* out,
                 Index leading_dimension) {
  PairEvaluator<T> pairs(compiled, rows, 0, true);
  Context<T> context;
  double unused[row_group];
  for (Index begin = 0; begin < columns.count; begin += pairs.stride()) {
    const Index count = std::min(pairs.stride(), columns.count - begin);
    pairs.load_columns(columns, begin, count);
    for (Index group = 0; group < groups_of(rows); ++group) {
      pairs.run(group, false, context, unused);
      const Index live = std::min(row_group, rows.count - group * row_group);
      for (Index r = 0; r < live; ++r) {
        const T* values = pairs.tile() + r * pairs.stride();
        double* to = out + (group * row_group + r) * leading_dimension + begin;
        for (Index c = 0; c < count; ++c) to[c] = static_cast<double>(values[c]);
      }
    }
  }
}

template <typename T>
void multiply_one(const Compiled& compiled, const Side& rows, const Side& columns, const double* v,
                  double* out) {
  PairEvaluator<T> pairs(compiled, rows, 1, false);
  Context<T> context;
  double sums[row_group];
  for (Index begin = 0; begin < columns.count; begin += pairs.stride()) {
    const Index count = std::min(pairs.stride(), columns.count - begin);
    pairs.load_columns(columns, begin, count);
    T* factors = pairs.extra_column(0);
    for (Index c = 0; c < count; ++c) factors[c] = static_cast<T>(v[begin + c]);
    std::fill(factors + count, factors + pairs.padded(count), T{0});
    for (Index group = 0; group < groups_of(rows); ++group) {
      if (group % groups_between_checks == 0) core::check_interruption();
      pairs.run(group, false, context, sums);
      const Index live = std::min(row_group, rows.count - group * row_group);
      for (Index r = 0; r < live; ++r) out[group * row_group + r] += sums[r];
    }
  }
}

template <typename T>
void multiply_many(const Compiled& compiled, const Side& rows, const Side& columns, const double* v,
                   Index width, double* out) {
  PairEvaluator<T> pairs(compiled, rows, 0, true);
  AlignedArray<T> factors(width * pairs.stride());
  std::vector<double> sums(static_cast<std::size_t>(row_group * width));
  Context<T> context;
  double unused[row_group];
  for (Index begin = 0; begin < columns.count; begin += pairs.stride()) {
    const Index count = std::min(pairs.stride(), columns.count - begin);
    pairs.load_columns(columns, begin, count);
    for (Index w = 0; w < width; ++w) {
      T* to = factors.data() + w * pairs.stride();
      for (Index c = 0; c < count; ++c) to[c] = static_cast<T>(v[(begin + c) * width + w]);
      std::fill(to + count, to + pairs.padded(count), T{0});
    }
    for (Index group = 0; group < groups_of(rows); ++group) {
      if (group % groups_between_checks == 0) core::check_interruption();
      pairs.run(group, false, context, unused);
      std::fill(sums.begin(), sums.end(), 0.0);
      pairs.tiles().multiply(pairs.tile(), factors.data(), pairs.stride(), count, width,
                             sums.data(), width, 1);
      const Index live = std::min(row_group, rows.count - group * row_group);
      double* to = out + group * row_group * width;
      for (Index k = 0; k < live * width; ++k) to[k] += sums[static_cast<std::size_t>(k)];
    }
  }
}

}  // namespace

void evaluate(const Program& program, const Side& rows, const Side& columns, std::span<double> out,
              Index leading_dimension) {
  if (rows.count == 0 || columns.count == 0) return;
  if (leading_dimension < columns.count) {
    throw core::InternalError("rows of a kernel matrix overlap");
  }
  check_size(out.size(), (rows.count - 1) * leading_dimension + columns.count, "the result");
  const Compiled& compiled = program.state().values;
  if (program.precision() == Precision::float64) {
    evaluate_as<double>(compiled, rows, columns, out.data(), leading_dimension);
  } else {
    evaluate_as<float>(compiled, rows, columns, out.data(), leading_dimension);
  }
}

void multiply_add(const Program& program, const Side& rows, const Side& columns,
                  std::span<const double> v, Index width, std::span<double> out) {
  if (rows.count == 0 || columns.count == 0 || width == 0) return;
  check_size(v.size(), columns.count * width, "the vectors");
  check_size(out.size(), rows.count * width, "the result");
  const Program::State& state = program.state();
  const bool doubles = program.precision() == Precision::float64;
  if (width == 1) {
    (doubles ? multiply_one<double> : multiply_one<float>)(state.products, rows, columns, v.data(),
                                                           out.data());
  } else {
    (doubles ? multiply_many<double> : multiply_many<float>)(state.values, rows, columns, v.data(),
                                                             width, out.data());
  }
}

}  // namespace kronwerk::kernels
