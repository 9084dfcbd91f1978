// Declared in kronwerk/kernels/reductions/reduction.hpp.
#include <array>
#include <utility>

#include "kronwerk/core/error.hpp"
#include "kronwerk/kernels/reductions/reduction.hpp"

namespace kronwerk::kernels {

namespace {

struct KindText {
  ReductionKind kind;
  std::string name;
  bool values;
  bool indices;
};

const std::array<KindText, 20>& table() {
  static const std::array<KindText, 20> kinds{{
      {ReductionKind::sum, "sum", true, false},
      {ReductionKind::mean, "mean", true, false},
      {ReductionKind::norm, "norm", true, false},
      {ReductionKind::count, "count", true, false},
      {ReductionKind::any, "any", true, false},
      {ReductionKind::all, "all", true, false},
      {ReductionKind::logsumexp, "logsumexp", true, false},
      {ReductionKind::softmax, "softmax", true, false},
      {ReductionKind::min, "min", true, false},
      {ReductionKind::max, "max", true, false},
      {ReductionKind::argmin, "argmin", false, true},
      {ReductionKind::argmax, "argmax", false, true},
      {ReductionKind::min_argmin, "min_argmin", true, true},
      {ReductionKind::max_argmax, "max_argmax", true, true},
      {ReductionKind::kmin, "kmin", true, false},
      {ReductionKind::argkmin, "argkmin", false, true},
      {ReductionKind::kmin_argkmin, "kmin_argkmin", true, true},
      {ReductionKind::kmax, "kmax", true, false},
      {ReductionKind::argkmax, "argkmax", false, true},
      {ReductionKind::kmax_argkmax, "kmax_argkmax", true, true},
  }};
  return kinds;
}

const KindText& entry(ReductionKind kind) {
  for (const KindText& each : table()) {
    if (each.kind == kind) return each;
  }
  throw core::InternalError("a reduction without a name");
}

}  // namespace

const std::string& to_text(ReductionKind kind) {
  return entry(kind).name;
}

std::optional<ReductionKind> find_reduction(const std::string& name) {
  for (const KindText& each : table()) {
    if (each.name == name) return each.kind;
  }
  return std::nullopt;
}

std::vector<std::string> reduction_names() {
  std::vector<std::string> names;
  for (const KindText& each : table()) names.push_back(each.name);
  return names;
}

bool gives_values(ReductionKind kind) {
  return entry(kind).values;
}

bool gives_indices(ReductionKind kind) {
  return entry(kind).indices;
}

}  // namespace kronwerk::kernels
