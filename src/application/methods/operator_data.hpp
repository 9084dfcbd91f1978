#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "application/inputs/problem.hpp"
#include "kronwerk/expressions/structure.hpp"
#include "kronwerk/factors/spectra/bases.hpp"

namespace kronwerk::application {

/// The job's matrices and what was made of them: factors, symmetries, bases. Kept between the
/// points of a sweep, so that what does not depend on the swept parameter is made once.
class OperatorData {
 public:
  /// The loaded matrices of files and kernels, by what formulas call them.
  const std::map<std::string, factors::FactorPtr>& matrices() const noexcept { return matrices_; }
  /// Loads the matrices, each once per node. Collective.
  /// @param comm, problem  must outlive this
  OperatorData(const communication::Communicator& comm, const Problem& problem);

  const communication::Communicator& comm() const noexcept { return *comm_; }
  expressions::Lowering& lowering() noexcept { return lowering_; }

  /// The names of the matrices that equal their transposes. Collective on the first call.
  const std::set<std::string>& symmetric_matrices();
  /// Collective on the first call for a factor.
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

  /// Makes the kernel matrices of this problem that are not there: those of the job at other values
  /// of the parameters. Collective.
  void add_kernels(const Problem& problem);

  /// What there is to say of kernel matrices made since the last call.
  std::vector<std::string> take_warnings() { return kernels_.take_warnings(); }

  /// Forgets what was made of the matrices, whose memory is then free once nobody uses it.
  void forget();

  /// This rank's block of a vector over the whole grid (of `batch` copies of it). Collective.
  std::vector<double> grid_vector(const std::string& name, bool inverse,
                                  const distribution::Layout& layout);

 private:
  const communication::Communicator* comm_;
  std::map<std::string, io::DatasetInfo> data_;
  std::map<std::string, factors::FactorPtr> matrices_;
  KernelMatrices kernels_;
  expressions::Lowering lowering_;
  std::optional<std::set<std::string>> symmetric_;
  std::map<std::string, factors::Symmetry> symmetries_;
  std::map<std::string, std::pair<factors::BasisPtr, std::string>> bases_;
};

}  // namespace kronwerk::application
