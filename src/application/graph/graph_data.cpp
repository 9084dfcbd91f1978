#include "application/graph/graph_data.hpp"

#include <fmt/format.h>

#include <cmath>
#include <functional>
#include <optional>

#include "application/graph/sample_mean.hpp"
#include "application/inputs/problem.hpp"
#include "application/inputs/vector_reader.hpp"
#include "kronwerk/io/hdf5/read.hpp"
#include "kronwerk/operators/grids/grams.hpp"

namespace kronwerk::application {
namespace {

using configuration::Centre;
using Numbers = std::vector<double>;

/// What is left of a constant slice, relative to others, once its mean is taken: squares of that.
constexpr double rounding = 1e-27;

/// Samples that pass by in blocks, as often as is needed; what fits one block is read once.
class Samples {
 public:
  Samples(const JobContext& context, const GraphInput& input, VectorReader reader, Index count)
      : context_(context),
        reader_(std::move(reader)),
        count_(count),
        per_block_(std::min(input.per_block, count)),
        points_(core::product(input.extents)) {}

  Index count() const noexcept { return count_; }

  /// Calls visit(samples, begin, values) for each block, spread as `grams` wants it: begin is the
  /// place of this rank's values among those of all samples. Collective.
  /// @param keep  the visitor leaves the values as they are, for the next pass
  void pass(const operators::ModeGrams& grams, bool keep,
            const std::function<void(Index, Index, std::span<double>)>& visit) {
    Stages& stages = context_.stages;
    const int rank = context_.comm.rank();
    for (Index first = 0; first < count_; first += per_block_) {
      const Index count = std::min(per_block_, count_ - first);
      const distribution::Layout layout = grams.layout(count);
      if (!kept_) {
        stages.progress().set("sample", first, count_);
        values_.resize(static_cast<std::size_t>(layout.home_size(rank)));
        stages.run("read", [&] { reader_.read(first, layout, values_); });
      }
      stages.run("grams",
                 [&] { visit(count, first * points_ + layout.home_begin(rank), values_); });
    }
    kept_ = keep && per_block_ == count_;
  }

 private:
  const JobContext& context_;
  VectorReader reader_;
  Index count_;
  Index per_block_;
  Index points_;
  Numbers values_;
  bool kept_ = false;
};

/// What is taken from every sample.
struct Centring {
  double mean = 0;
  std::optional<SampleMean> by_point;

  void subtract(Index begin, std::span<double> values) const {
    if (by_point) by_point->subtract(begin, values);
    for (double& value : values) value -= mean;
  }
};

class GraphReading {
 public:
  GraphReading(const JobContext& context, const GraphInput& input)
      : context_(context), input_(input), request_(*context.job.graph) {}

  GraphData read() {
    data_.degrees = static_cast<double>(input_.samples);
    if (input_.given) {
      for (std::size_t k = 0; k < input_.extents.size(); ++k) {
        data_.grams.push_back(read_matrix(request_.grams->group, k, false));
      }
    } else {
      Samples samples(context_, input_, reader("input", *context_.job.input), input_.samples);
      find_centre(samples);
      data_.grams = grams_of(samples);
      use_degrees();
    }
    check_diagonals();
    if (request_.held_out) {
      Samples samples(context_, input_, reader("held_out", *request_.held_out), input_.held_out);
      data_.held_out = grams_of(samples);
    }
    context_.stages.report("read", input_.text());
    read_weights();
    return std::move(data_);
  }

 private:
  VectorReader reader(const char* what, const configuration::VectorSource& source) const {
    return {context_.comm, context_.job, source, what, input_.extents};
  }
  operators::ModeGrams new_grams() const {
    return {context_.comm, std::make_shared<communication::SharedBlocks>(context_.comm),
            input_.extents};
  }

  void find_centre(Samples& samples) {
    if (request_.centre == Centre::none) return;
    const auto grams = new_grams();
    const auto count = static_cast<double>(samples.count());
    if (request_.centre == Centre::samples) {
      auto& mean = centring_.by_point.emplace(context_.comm, core::product(input_.extents));
      samples.pass(grams, true,
                   [&](Index, Index begin, std::span<double> values) { mean.add(begin, values); });
      mean.finish(samples.count());
      return;
    }
    double sum = 0;
    samples.pass(grams, true, [&](Index, Index, std::span<double> values) {
      for (const double value : values) sum += value;
    });
    const auto points = static_cast<double>(core::product(input_.extents));
    centring_.mean = context_.comm.sum(sum) / (count * points);
  }

  std::vector<Numbers> grams_of(Samples& samples) {
    auto grams = new_grams();
    samples.pass(grams, false, [&](Index count, Index begin, std::span<double> values) {
      centring_.subtract(begin, values);
      grams.add(count, values);
    });
    std::vector<Numbers> matrices;
    context_.stages.run("grams", [&] { matrices = grams.finish(); });
    return matrices;
  }

  /// A mean over the samples that was taken from them leaves one degree of freedom less.
  void use_degrees() {
    if (request_.centre != Centre::samples) return;
    const double factor = data_.degrees / (data_.degrees - 1);
    for (Numbers& matrix : data_.grams) {
      for (double& value : matrix) value *= factor;
    }
    data_.degrees -= 1;
  }

  void check_diagonals() {
    for (std::size_t k = 0; k < data_.grams.size(); ++k) {
      const Index n = input_.extents[k];
      const auto diagonal = [&](Index i) {
        return data_.grams[k][static_cast<std::size_t>(i * (n + 1))];
      };
      double mean = 0;
      for (Index i = 0; i < n; ++i) mean += diagonal(i) / static_cast<double>(n);
      for (Index i = 0; i < n; ++i) {
        if (std::abs(diagonal(i)) <= rounding * std::abs(mean)) refuse_zeros(k, i);
      }
      data_.mean_diagonals.push_back(mean);
    }
  }

  [[noreturn]] void refuse_zeros(std::size_t mode, Index row) const {
    const std::string centred = request_.centre == Centre::none ? "" : " once they are centred";
    throw core::DataError(fmt::format(
        "{}: in mode {}, {} has nothing but zeros{} ({}), so that its precision has no bound; "
        "leave that slice out",
        context_.job.file, mode + 1, input_.row_text(mode, row), centred,
        input_.given ? "the diagonal of its Gram is 0 there" : "in all samples"));
  }

  /// Read by rank 0 for all.
  Numbers read_matrix(const configuration::DatasetReference& group, std::size_t mode,
                      bool infinite) const {
    io::Location location = to_location(group);
    location.dataset = fmt::format("{}/{}", group.dataset, mode + 1);
    const auto n = static_cast<std::size_t>(input_.extents[mode]);
    Numbers values(n * n);
    context_.stages.run("read", [&] {
      std::span<double> own(values);
      io::read_range(context_.comm, location, 0, context_.comm.is_root() ? own : own.first(0),
                     infinite);
      context_.comm.broadcast(own);
    });
    return values;
  }

  void read_weights() {
    if (!request_.weights) return;
    const auto& group = request_.weights->value;
    for (std::size_t k = 0; k < input_.extents.size(); ++k) {
      auto& weights = data_.weights.emplace_back();
      if (!matrix_of_mode(context_.comm, group, input_.extents, k, true)) continue;
      weights = read_matrix(group, k, true);
      check_weights(weights, k);
    }
  }

  /// Infinite ones are legal: such a pair has no edge.
  void check_weights(const Numbers& weights, std::size_t mode) const {
    const Index n = input_.extents[mode];
    const auto at = [&](Index i, Index j) { return weights[static_cast<std::size_t>(i * n + j)]; };
    for (Index i = 0; i < n; ++i) {
      for (Index j = 0; j < n; ++j) {
        if (i == j || (at(i, j) >= 0 && at(i, j) == at(j, i))) continue;
        throw core::DataError(fmt::format(
            "{}: 'weights' {}:{}/{} has {} in row {}, column {} and {} in row {}, column {}; "
            "weights must be symmetric and at least 0",
            context_.job.where(request_.weights->position), request_.weights->value.file,
            request_.weights->value.dataset, mode + 1, at(i, j), i + 1, j + 1, at(j, i), j + 1,
            i + 1));
      }
    }
  }

  const JobContext& context_;
  const GraphInput& input_;
  const configuration::GraphRequest& request_;
  Centring centring_;
  GraphData data_;
};

}  // namespace

GraphData read_graph_data(const JobContext& context, const GraphInput& input) {
  return GraphReading(context, input).read();
}

}  // namespace kronwerk::application
