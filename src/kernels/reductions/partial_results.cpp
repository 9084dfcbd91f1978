#include "kernels/reductions/partial_results.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace kronwerk::kernels {
namespace {

constexpr std::size_t none = static_cast<std::size_t>(-1);

/// The kind whose results of parts can be merged.
ReductionKind mergeable(ReductionKind kind) {
  switch (kind) {
    case ReductionKind::mean:
      return ReductionKind::sum;
    case ReductionKind::argmin:
      return ReductionKind::min_argmin;
    case ReductionKind::argmax:
      return ReductionKind::max_argmax;
    case ReductionKind::kmin:
    case ReductionKind::argkmin:
      return ReductionKind::kmin_argkmin;
    case ReductionKind::kmax:
    case ReductionKind::argkmax:
      return ReductionKind::kmax_argkmax;
    default:
      return kind;
  }
}

/// log(e^a + e^b)
double log_of_sum(double a, double b) {
  if (std::isnan(a) || std::isnan(b)) return std::numeric_limits<double>::quiet_NaN();
  const double larger = std::max(a, b);
  if (std::isinf(larger)) return larger;
  return larger + std::log1p(std::exp(std::min(a, b) - larger));
}

/// One entry of a list, or a single extremum; without index nothing was found.
struct Entry {
  double value;
  std::int64_t index;
};

bool precedes(const Entry& a, const Entry& b, bool ascending) {
  if (a.index < 0 || b.index < 0) return b.index < 0 && a.index >= 0;
  if (a.value == b.value) return a.index < b.index;
  return ascending ? a.value < b.value : a.value > b.value;
}

void merge_lists(ReductionResult& into, const ReductionResult& from, bool ascending) {
  std::vector<Entry> merged(static_cast<std::size_t>(into.k));
  for (Index r = 0; r < into.rows; ++r) {
    for (int c = 0; c < into.dimension; ++c) {
      const auto place = [&](Index q) {
        return static_cast<std::size_t>((r * into.k + q) * into.dimension + c);
      };
      const auto entry = [&](const ReductionResult& result, Index q) {
        return Entry{result.values[place(q)], result.indices[place(q)]};
      };
      Index a = 0;
      Index b = 0;
      for (Entry& next : merged) {
        const bool take = precedes(entry(from, b), entry(into, a), ascending);
        next = take ? entry(from, b++) : entry(into, a++);
      }
      for (Index q = 0; q < into.k; ++q) {
        into.values[place(q)] = merged[static_cast<std::size_t>(q)].value;
        into.indices[place(q)] = merged[static_cast<std::size_t>(q)].index;
      }
    }
  }
}

template <typename Combine>
void merge_values(ReductionResult& into, const ReductionResult& from, const Combine& combine) {
  for (std::size_t v = 0; v < into.values.size(); ++v) {
    into.values[v] = combine(into.values[v], from.values[v]);
  }
}

/// Two weighted means, with the logarithms of their denominators.
void merge_means(ReductionResult& into, const ReductionResult& scale, const ReductionResult& from,
                 const ReductionResult& from_scale) {
  for (Index r = 0; r < into.rows; ++r) {
    const double a = scale.values[static_cast<std::size_t>(r)];
    const double b = from_scale.values[static_cast<std::size_t>(r)];
    const double whole = log_of_sum(a, b);
    for (int c = 0; c < into.dimension; ++c) {
      const auto v = static_cast<std::size_t>(r * into.dimension + c);
      if (b == -std::numeric_limits<double>::infinity()) continue;
      into.values[v] =
          a == -std::numeric_limits<double>::infinity()
              ? from.values[v]
              : into.values[v] * std::exp(a - whole) + from.values[v] * std::exp(b - whole);
    }
  }
}

void merge_one(ReductionKind kind, ReductionResult& into, const ReductionResult& from) {
  switch (kind) {
    case ReductionKind::sum:
    case ReductionKind::count:
      return merge_values(into, from, [](double a, double b) { return a + b; });
    case ReductionKind::norm:
      return merge_values(into, from, [](double a, double b) { return std::hypot(a, b); });
    case ReductionKind::logsumexp:
      return merge_values(into, from, log_of_sum);
    case ReductionKind::any:
    case ReductionKind::max:
      return merge_values(into, from, [](double a, double b) { return std::max(a, b); });
    case ReductionKind::all:
    case ReductionKind::min:
      return merge_values(into, from, [](double a, double b) { return std::min(a, b); });
    case ReductionKind::min_argmin:
    case ReductionKind::kmin_argkmin:
      return merge_lists(into, from, true);
    case ReductionKind::max_argmax:
    case ReductionKind::kmax_argkmax:
      return merge_lists(into, from, false);
    default:
      throw core::InternalError("results of '" + to_text(kind) + "' cannot be merged");
  }
}

}  // namespace

PartialResults::PartialResults(const std::vector<ReductionRequest>& requests) {
  for (const ReductionRequest& request : requests) {
    Source source{request.kind, 0};
    if (request.weight) {
      // The sign of a part's weighted sum may differ from the whole's, whose logarithm is wanted.
      if (scale_ == none) scale_ = ask({ReductionKind::logsumexp});
      source.result = ask({ReductionKind::softmax, 1, request.weight});
      source.scale = scale_;
    } else {
      source.result = ask({mergeable(request.kind), request.k, {}});
    }
    sources_.push_back(source);
  }
}

std::size_t PartialResults::ask(const ReductionRequest& request) {
  for (std::size_t known = 0; known < partial_.size() && !request.weight; ++known) {
    const bool same = partial_[known].kind == request.kind && partial_[known].k == request.k;
    if (same && !partial_[known].weight) return known;
  }
  partial_.push_back(request);
  return partial_.size() - 1;
}

void PartialResults::merge(std::vector<ReductionResult>& into,
                           const std::vector<ReductionResult>& from) const {
  // Weighted means before the logarithms that they are merged with.
  for (std::size_t p = 0; p < partial_.size(); ++p) {
    if (partial_[p].weight) merge_means(into[p], into[scale_], from[p], from[scale_]);
  }
  for (std::size_t p = 0; p < partial_.size(); ++p) {
    if (!partial_[p].weight) merge_one(partial_[p].kind, into[p], from[p]);
  }
}

std::vector<ReductionResult> PartialResults::finish(const std::vector<ReductionResult>& merged,
                                                    Index columns) const {
  std::vector<ReductionResult> results;
  for (const Source& source : sources_) {
    ReductionResult& result = results.emplace_back(merged[source.result]);
    if (source.kind == ReductionKind::mean) {
      // 0/0 for no columns: NaN, as it should be.
      for (double& value : result.values) value /= static_cast<double>(columns);
    }
    if (source.kind == ReductionKind::logsumexp && source.scale != none) {
      for (std::size_t v = 0; v < result.values.size(); ++v) {
        const double scale =
            merged[source.scale].values[v / static_cast<std::size_t>(result.dimension)];
        const bool nothing = scale == -std::numeric_limits<double>::infinity();
        result.values[v] = nothing ? scale : scale + std::log(result.values[v]);
      }
    }
    if (!gives_values(source.kind)) result.values.clear();
    if (!gives_indices(source.kind)) result.indices.clear();
  }
  return results;
}

ReductionResult rows_of(const ReductionResult& result, Index begin, Index end) {
  const auto from = static_cast<std::ptrdiff_t>(begin * result.k * result.dimension);
  const auto to = static_cast<std::ptrdiff_t>(end * result.k * result.dimension);
  ReductionResult part{end - begin, result.k, result.dimension, {}, {}};
  if (!result.values.empty()) {
    part.values.assign(result.values.begin() + from, result.values.begin() + to);
  }
  if (!result.indices.empty()) {
    part.indices.assign(result.indices.begin() + from, result.indices.begin() + to);
  }
  return part;
}

}  // namespace kronwerk::kernels
