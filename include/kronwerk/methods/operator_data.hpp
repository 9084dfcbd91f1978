#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "kronwerk/expressions/lowering.hpp"
#include "kronwerk/expressions/structure.hpp"
#include "kronwerk/factors/spectra/bases.hpp"
#include "kronwerk/io/files/location.hpp"

namespace kronwerk::methods {

/// The matrices of an operator and what was made of them: factors, symmetries, bases. Kept between
/// the points of a sweep, so that what does not depend on the swept parameter is made once.
class OperatorData {
 public:
  /// Local.
  /// @param comm      must outlive this
  /// @param matrices  by what simplified formulas call them
  /// @param datasets  of the vectors over the whole grid, which are read where they are used
  OperatorData(const communication::Communicator& comm,
               std::map<std::string, factors::FactorPtr> matrices,
               std::map<std::string, io::DatasetInfo> datasets = {});

  /// Those given and those added.
  const std::map<std::string, factors::FactorPtr>& matrices() const noexcept { return matrices_; }
  /// One more matrix, until forget(): of a kernel at some values of the parameters. Local.
  void add(const std::string& name, factors::FactorPtr matrix);

  const communication::Communicator& comm() const noexcept { return *comm_; }
  expressions::Lowering& lowering() noexcept { return lowering_; }

  /// The names of the matrices that equal their transposes. Collective on the first call.
  const std::set<std::string>& symmetric_matrices();
  /// Analyses several at once, different ones by different ranks, before symmetry() is asked for
  /// each. Collective.
  void analyse_symmetry(const std::vector<expressions::FactorNodePtr>& factors);
  /// With bounds. Collective on the first call for a factor.
  const factors::Symmetry& symmetry(const expressions::FactorNode& factor);
  /// The bases of several modes; those found before are not computed again. Collective.
  struct BasisQuestion {
    expressions::FactorNodePtr matrix;
    expressions::FactorNodePtr partner;  ///< of a pair; otherwise null
    bool schur_allowed = false;
    bool eigenvalues_only = false;
    bool generalised_schur = false;  ///< the pair by QZ
  };
  factors::BasisResult bases(const std::vector<BasisQuestion>& questions);

  /// Forgets what was added and what was made of the matrices, whose memory is then free once
  /// nobody uses it.
  void forget();

  /// This rank's block of a vector over the whole grid (of `batch` copies of it). Collective.
  std::vector<double> grid_vector(const std::string& name, bool inverse,
                                  const distribution::Layout& layout);

 private:
  const communication::Communicator* comm_;
  std::map<std::string, io::DatasetInfo> datasets_;
  std::map<std::string, factors::FactorPtr> matrices_;
  std::set<std::string> added_;
  expressions::Lowering lowering_;
  std::optional<std::set<std::string>> symmetric_;
  std::map<std::string, factors::FactorPtr> analysed_;  ///< by their formulas
  std::map<std::string, std::pair<factors::BasisPtr, std::string>> bases_;
};

}  // namespace kronwerk::methods
