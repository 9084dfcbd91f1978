#include "kronwerk/methods/operator_data.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "kronwerk/factors/base/make.hpp"
#include "kronwerk/io/hdf5/read.hpp"

namespace kronwerk::methods {
namespace {

std::string key_of(const OperatorData::BasisQuestion& question) {
  return fmt::format("{} | {} | {} {} {}", question.matrix->text,
                     question.partner ? question.partner->text : "", question.schur_allowed,
                     question.eigenvalues_only, question.generalised_schur);
}

}  // namespace

OperatorData::OperatorData(const communication::Communicator& comm,
                           std::map<std::string, factors::FactorPtr> matrices,
                           std::map<std::string, io::DatasetInfo> datasets)
    : comm_(&comm),
      datasets_(std::move(datasets)),
      matrices_(std::move(matrices)),
      lowering_(comm, matrices_) {}

void OperatorData::add(const std::string& name, factors::FactorPtr matrix) {
  lowering_.add(name, matrix);
  matrices_[name] = std::move(matrix);
  added_.insert(name);
  symmetric_.reset();
}

const std::set<std::string>& OperatorData::symmetric_matrices() {
  if (symmetric_) return *symmetric_;
  std::vector<factors::FactorPtr> square;
  for (const auto& [name, factor] : matrices_) {
    if (factor->rows() == factor->cols()) square.push_back(factor);
  }
  factors::analyse_symmetry(*comm_, square, factors::SymmetryDetail::scale);
  symmetric_.emplace();
  for (const auto& [name, factor] : matrices_) {
    if (factor->symmetry() != nullptr && factor->symmetry()->symmetric) symmetric_->insert(name);
  }
  return *symmetric_;
}

void OperatorData::analyse_symmetry(const std::vector<expressions::FactorNodePtr>& factors) {
  std::vector<factors::FactorPtr> matrices;
  for (const auto& factor : factors) {
    factors::FactorPtr& matrix = analysed_[factor->text];
    if (!matrix) matrix = lowering_.explicit_factor(*factor);
    matrices.push_back(matrix);
  }
  factors::analyse_symmetry(*comm_, matrices, factors::SymmetryDetail::bounds);
}

const factors::Symmetry& OperatorData::symmetry(const expressions::FactorNode& factor) {
  factors::FactorPtr& matrix = analysed_[factor.text];
  if (!matrix) matrix = lowering_.explicit_factor(factor);
  return factors::find_symmetry(*comm_, matrix);
}

factors::BasisResult OperatorData::bases(const std::vector<BasisQuestion>& questions) {
  std::vector<factors::BasisRequest> requests;
  std::vector<std::string> new_keys;
  for (const BasisQuestion& question : questions) {
    const std::string key = key_of(question);
    if (bases_.contains(key) || std::ranges::find(new_keys, key) != new_keys.end()) continue;
    new_keys.push_back(key);
    factors::BasisRequest request;
    request.matrix = lowering_.lower(*question.matrix);
    if (question.partner) request.partner = lowering_.lower(*question.partner);
    request.schur_allowed = question.schur_allowed;
    request.eigenvalues_only = question.eigenvalues_only;
    request.generalised_schur = question.generalised_schur;
    requests.push_back(std::move(request));
  }
  if (!requests.empty()) {
    const factors::BasisResult found = factors::find_bases(*comm_, requests);
    for (std::size_t i = 0; i < new_keys.size(); ++i) {
      bases_[new_keys[i]] = {found.bases[i], found.why_not[i]};
    }
  }
  factors::BasisResult result;
  for (const BasisQuestion& question : questions) {
    const auto& [basis, why_not] = bases_.at(key_of(question));
    result.bases.push_back(basis);
    result.why_not.push_back(why_not);
  }
  return result;
}

void OperatorData::forget() {
  for (const std::string& name : added_) matrices_.erase(name);
  added_.clear();
  lowering_ = expressions::Lowering(*comm_, matrices_);
  analysed_.clear();
  bases_.clear();
}

std::vector<double> OperatorData::grid_vector(const std::string& name, bool inverse,
                                              const distribution::Layout& layout) {
  const io::DatasetInfo& info = datasets_.at(name);
  const core::Index points = core::product(info.shape);
  const int rank = comm_->rank();
  const core::Index size = layout.home_size(rank);
  std::vector<double> values(static_cast<std::size_t>(size));
  // A block of several vectors repeats the diagonal; every rank takes part in as many reads.
  const core::Index begin = layout.home_begin(rank);
  const core::Index pieces = comm_->max((size + points - 1) / points + 1);
  core::Index done = 0;
  for (core::Index piece = 0; piece < pieces; ++piece) {
    const core::Index offset = (begin + done) % points;
    const core::Index count = std::min(points - offset, size - done);
    io::read_range(
        *comm_, info.location, count == 0 ? 0 : offset,
        std::span(values).subspan(static_cast<std::size_t>(done), static_cast<std::size_t>(count)));
    done += count;
  }
  if (!inverse) return values;
  communication::collectively(*comm_, [&] {
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (values[i] == 0) {
        throw core::DataError(fmt::format("diag({}) is singular: element {} of {}:{} is zero", name,
                                          (begin + static_cast<core::Index>(i)) % points,
                                          info.location.file, info.location.dataset));
      }
      values[i] = 1 / values[i];
    }
  });
  return values;
}

}  // namespace kronwerk::methods
