#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "kronwerk/communication/communicator.hpp"
#include "kronwerk/configuration/job.hpp"
#include "kronwerk/expressions/expression.hpp"
#include "kronwerk/factors/base/factor.hpp"
#include "kronwerk/io/files/location.hpp"
#include "kronwerk/kernels/engine/program.hpp"
#include "kronwerk/kernels/formula/expression.hpp"
#include "kronwerk/kernels/reductions/centring.hpp"

namespace kronwerk::application {

using core::Index;

/// A variable of a kernel formula and where its values are.
struct PointVariable {
  io::DatasetInfo data;
  kernels::VariableSymbol symbol;
  Index count = 1;       ///< points; 1 for a variable without index
  bool degrees = false;  ///< longitudes and latitudes
};
using PointVariables = std::map<std::string, PointVariable>;

/// Looks the variables up. Collective.
/// @throws DataError naming the dataset whose shape is not that of points, and variables of one
/// index with different numbers of points
PointVariables inspect_points(
    const communication::Communicator& comm, const configuration::Job& job,
    const std::map<std::string, configuration::PointsReference>& variables);
/// The number of points of the variables with this index. @throws ConfigurationError if none has it
Index count_points(const PointVariables& variables, kernels::Axes axis, const std::string& where,
                   const char* what);
/// The points [begin, begin + count) of all variables with this index, which may differ from rank
/// to rank. Collective. @throws DataError for NaN and infinite values, and for
/// longitudes and latitudes out of range
kernels::Side read_side(const communication::Communicator& comm, const PointVariables& variables,
                        kernels::Axes axis, Index begin, Index count);
/// The parameters' numbers and the variables without index. Collective.
kernels::Constants read_constants(const communication::Communicator& comm,
                                  const PointVariables& variables,
                                  const std::map<std::string, double>& parameters);

/// The warning for points that float32 cannot hold and that cannot be moved.
std::string loss_text(const kernels::FloatLoss& loss);

/// A kernel of the job, understood against the metadata of its points; nothing is loaded.
struct KernelMatrix {
  std::string name;
  kernels::Expression formula;
  PointVariables variables;
  bool one_cloud = false;  ///< rows and columns are the same points, `x` and `y`
  double jitter = 0;
  configuration::KernelStorage storage = configuration::KernelStorage::automatic;
  Index rows = 0;
  Index cols = 0;
  /// As a factor, its entries are evaluated for every product and not stored.
  bool lazy = false;
  /// Lazy, and too large to be estimated as if it were stored.
  bool never_stored = false;
  kernels::Precision precision = kernels::Precision::float64;  ///< of lazy entries

  /// "Ktime(ls_t=2)": what the matrix is called for these values of the parameters it uses.
  std::string identity(const std::map<std::string, double>& parameters) const;
  /// "dKtime/dls_t(ls_t=2)"
  std::string derivative_identity(const std::map<std::string, double>& parameters,
                                  const std::string& parameter) const;
  /// "dKtime/dls_t": what formulas call the derivative, whatever the values.
  std::string derivative_name(const std::string& parameter) const;
  /// What operator formulas may know of it.
  expressions::MatrixSymbol symbol() const;
};

/// Reads metadata and resolves the kernels' formulas. Collective.
std::map<std::string, KernelMatrix> understand_kernels(const communication::Communicator& comm,
                                                       const configuration::Job& job);

/// The whole matrix of a scalar formula as a dense factor, once per node, each rank of a node
/// evaluating a part of the rows. Collective. @throws DataError if an entry is NaN or infinite
factors::FactorPtr evaluate_kernel(const communication::Communicator& comm, const std::string& name,
                                   const kernels::Expression& formula,
                                   const kernels::Constants& constants, const kernels::Side& rows,
                                   const kernels::Side& columns, double jitter);

/// The points of the kernels, read once, and the matrices made of them.
class KernelMatrices {
 public:
  /// @param comm  must outlive this
  KernelMatrices(const communication::Communicator& comm,
                 std::map<std::string, KernelMatrix> kernels)
      : comm_(&comm), kernels_(std::move(kernels)) {}

  const std::map<std::string, KernelMatrix>& kernels() const noexcept { return kernels_; }
  /// The kernel's matrix, or its derivative by `parameter`, stored or lazy. Collective.
  factors::FactorPtr make(const std::string& kernel, const std::string& parameter,
                          const std::map<std::string, double>& parameters);
  /// What there is to say of matrices made since the last call.
  std::vector<std::string> take_warnings() { return std::exchange(warnings_, {}); }
  /// All points of one side. Collective on the first call.
  const kernels::Side& side(const std::string& kernel, kernels::Axes axis);

 private:
  factors::FactorPtr make_lazy(const KernelMatrix& matrix, const std::string& parameter,
                               const std::map<std::string, double>& parameters,
                               kernels::Constants constants, const kernels::Side& rows,
                               const kernels::Side& columns);

  const communication::Communicator* comm_;
  std::map<std::string, KernelMatrix> kernels_;
  std::map<std::pair<std::string, unsigned>, kernels::Side> sides_;
  std::vector<std::string> warnings_;
};

}  // namespace kronwerk::application
