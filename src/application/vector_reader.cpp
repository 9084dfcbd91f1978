#include "application/vector_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <variant>

#include "application/problem.hpp"
#include "kronwerk/io/read.hpp"
#include "kronwerk/operators/kronecker_product.hpp"

namespace kronwerk::application {
namespace {

using configuration::Transform;

template <typename Function>
void map_values(std::span<double> values, Function&& function) {
  std::ranges::transform(values, values.begin(), std::forward<Function>(function));
}

void transform_values(Transform transform, std::span<double> values) {
  switch (transform) {
    case Transform::none:
      break;
    case Transform::log1p:
      map_values(values, [](double v) { return std::log1p(v); });
      break;
    case Transform::log:
      map_values(values, [](double v) { return std::log(v); });
      break;
    case Transform::sqrt:
      map_values(values, [](double v) { return std::sqrt(v); });
      break;
    case Transform::square:
      map_values(values, [](double v) { return v * v; });
      break;
    case Transform::exp:
      map_values(values, [](double v) { return std::exp(v); });
      break;
  }
}

double derivative_of(Transform transform, double value) {
  switch (transform) {
    case Transform::none:
      break;
    case Transform::log1p:
      return 1 / (1 + value);
    case Transform::log:
      return 1 / value;
    case Transform::sqrt:
      return 0.5 / std::sqrt(value);
    case Transform::square:
      return 2 * value;
    case Transform::exp:
      return std::exp(value);
  }
  return 1;
}

double transformed(Transform transform, double value) {
  transform_values(transform, std::span(&value, 1));
  return value;
}

}  // namespace

VectorReader::VectorReader(const communication::Communicator& comm, const configuration::Job& job,
                           configuration::VectorSource source, std::string what,
                           const Extents& grid)
    : comm_(&comm),
      source_(std::move(source)),
      what_(std::move(what)),
      where_(job.where(source_.position)),
      points_(core::product(grid)) {
  const auto* dataset = std::get_if<configuration::DatasetReference>(&source_.source);
  if (dataset == nullptr) return;
  const io::DatasetInfo info = io::inspect(comm, to_location(*dataset));
  const std::string name =
      fmt::format("{}: '{}' {}:{}", where_, what_, dataset->file, dataset->dataset);
  if (info.sparse) {
    throw core::DataError(name + " is a sparse matrix; expected a dataset");
  }
  shape_ = match_shape(info.shape, grid, name);
}

void VectorReader::read_raw(Index first, const distribution::Layout& layout,
                            std::span<double> values) const {
  const Index offset = first * points_ + layout.home_begin(comm_->rank());
  if (const auto* dataset = std::get_if<configuration::DatasetReference>(&source_.source)) {
    io::read_range(*comm_, to_location(*dataset), offset, values);
    return;
  }
  const auto& random = std::get<configuration::RandomReference>(source_.source);
  const auto kind = random.kind == configuration::RandomKind::normal
                        ? operators::RandomKind::normal
                        : operators::RandomKind::uniform;
  operators::fill_random(kind, random.seed, offset, values);
}

void VectorReader::check_domain(std::span<const double> raw, Index offset, bool derivative) const {
  for (std::size_t i = 0; i < raw.size(); ++i) {
    const double result = derivative ? derivative_of(source_.transform, raw[i])
                                     : transformed(source_.transform, raw[i]);
    if (std::isfinite(result)) continue;
    const auto& names = configuration::find_entry("input.transform")->choices;
    throw core::DataError(
        fmt::format("{}: {} '{}' of '{}' is not finite at the value {} (position {})", where_,
                    derivative ? "the derivative of the transform" : "the transform",
                    names[static_cast<std::size_t>(source_.transform)], what_, raw[i],
                    offset + static_cast<Index>(i)));
  }
}

void VectorReader::read(Index first, const distribution::Layout& layout,
                        std::span<double> values) const {
  read_raw(first, layout, values);
  if (source_.transform == Transform::none) return;
  communication::collectively(*comm_, [&] {
    const Index offset = first * points_ + layout.home_begin(comm_->rank());
    check_domain(values, offset, false);
    transform_values(source_.transform, values);
  });
}

void VectorReader::multiply_by_derivative(Index first, const distribution::Layout& layout,
                                          std::span<double> values,
                                          std::span<double> scratch) const {
  if (source_.transform == Transform::none) return;
  read_raw(first, layout, scratch);
  communication::collectively(*comm_, [&] {
    const Index offset = first * points_ + layout.home_begin(comm_->rank());
    check_domain(scratch, offset, true);
    for (std::size_t i = 0; i < values.size(); ++i) {
      values[i] *= derivative_of(source_.transform, scratch[i]);
    }
  });
}

void check_finite(const communication::Communicator& comm, std::span<const double> values,
                  const std::string& what) {
  const bool finite = std::ranges::all_of(values, [](double v) { return std::isfinite(v); });
  if (!comm.any(!finite)) return;
  throw core::DataError(fmt::format(
      "{} holds NaN or infinite values although the data do not: numbers overflowed or a factor is "
      "singular; check the sizes of the data's values and the condition of the factors",
      what));
}

}  // namespace kronwerk::application
