#include "application/inputs/vector_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <variant>

#include "application/inputs/problem.hpp"
#include "kronwerk/operators/base/random.hpp"
#include "kronwerk/operators/products/kronecker_product.hpp"

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
                           const Extents& grid, Missing missing)
    : comm_(&comm),
      source_(std::move(source)),
      what_(std::move(what)),
      where_(job.where(source_.position)),
      grid_(grid),
      points_(core::product(grid)),
      missing_(missing) {
  const auto* dataset = std::get_if<configuration::DatasetReference>(&source_.source);
  if (dataset == nullptr) return;
  const io::DatasetInfo info = io::inspect(comm, to_location(*dataset));
  const std::string name =
      fmt::format("{}: '{}' {}:{}", where_, what_, dataset->file, dataset->dataset);
  shape_ = match_shape(info.shape, grid, name);
  if (info.sparse) sparse_cols_ = info.shape[1];
}

// The longest fibre that blocks of `layout` and the rows of the file consist of.
Index VectorReader::fibre_length(const distribution::Layout& layout) const {
  constexpr Index longest = std::numeric_limits<std::int32_t>::max();
  Index length = 1;
  Index next = 1;
  for (std::size_t mode = grid_.size(); mode-- > 0;) {
    next *= grid_[mode];
    const bool fits =
        next > 0 && next <= longest && sparse_cols_ % next == 0 && layout.trailing() % next == 0;
    if (!fits) break;
    length = next;
  }
  return length;
}

io::SparseFibres VectorReader::read_fibres(Index first, const distribution::Layout& layout,
                                           Index length) const {
  const Index begin = first * points_ + layout.home_begin(comm_->rank());
  return io::read_sparse_fibres(
      *comm_, to_location(std::get<configuration::DatasetReference>(source_.source)), length,
      begin / length, layout.home_size(comm_->rank()) / length);
}

io::SparseFibres VectorReader::read_fibres(Index first, const distribution::Layout& layout) const {
  return read_fibres(first, layout, grid_.back());
}

void VectorReader::read_raw(Index first, const distribution::Layout& layout,
                            std::span<double> values) const {
  if (sparse()) {
    const Index length = fibre_length(layout);
    const io::SparseFibres fibres = read_fibres(first, layout, length);
    std::ranges::fill(values, 0.0);
    for (std::size_t f = 0; f + 1 < fibres.offsets.size(); ++f) {
      double* fibre = values.data() + static_cast<Index>(f) * length;
      for (Index entry = fibres.offsets[f]; entry < fibres.offsets[f + 1]; ++entry) {
        const auto at = static_cast<std::size_t>(entry);
        fibre[fibres.columns[at]] = fibres.values[at];
      }
    }
    return;
  }
  const Index offset = first * points_ + layout.home_begin(comm_->rank());
  if (const auto* dataset = std::get_if<configuration::DatasetReference>(&source_.source)) {
    io::read_range(*comm_, to_location(*dataset), offset, values, missing_ == Missing::allowed);
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
    if (std::isnan(raw[i]) && missing_ == Missing::allowed) continue;
    if (!std::isfinite(raw[i])) {
      throw core::DataError(fmt::format("{}: '{}' holds {} at position {}; values must be finite",
                                        where_, what_, raw[i], offset + static_cast<Index>(i)));
    }
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

void VectorReader::read_flat(Index offset, std::span<double> values, bool derivative) const {
  io::read_range(*comm_, to_location(std::get<configuration::DatasetReference>(source_.source)),
                 values.empty() ? 0 : offset, values, missing_ == Missing::allowed);
  communication::collectively(*comm_, [&] {
    check_domain(values, offset, derivative);
    if (!derivative) return transform_values(source_.transform, values);
    for (double& value : values) value = derivative_of(source_.transform, value);
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

namespace {

[[noreturn]] void throw_not_finite(const std::string& what) {
  throw core::SingularError(fmt::format(
      "{} holds NaN or infinite values although the data do not: numbers overflowed or a factor is "
      "singular; check the sizes of the data's values and the condition of the factors",
      what));
}

}  // namespace

void check_finite(const communication::Communicator& comm, std::span<const double> values,
                  const std::string& what) {
  const bool finite = std::ranges::all_of(values, [](double v) { return std::isfinite(v); });
  if (comm.any(!finite)) throw_not_finite(what);
}

void check_finite(double value, const std::string& what) {
  if (!std::isfinite(value)) throw_not_finite(what);
}

}  // namespace kronwerk::application
