#pragma once

#include <array>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "kronwerk/communication/communicator.hpp"
#include "kronwerk/distribution/layout.hpp"
#include "kronwerk/operators/base/size_agreement.hpp"

namespace kronwerk::operators {

using core::Extents;
using core::Index;

/// An N-sized linear map between vectors in home layouts: what solvers, preconditioners and PETSc
/// shells work with, whatever stands behind it.
class LinearOperator {
 public:
  virtual ~LinearOperator() = default;
  LinearOperator(const LinearOperator&) = delete;
  LinearOperator& operator=(const LinearOperator&) = delete;

  const communication::Communicator& comm() const noexcept { return *comm_; }
  /// Layout of what the operator is applied to.
  const distribution::Layout& input_layout() const noexcept { return input_; }
  /// Layout of the result.
  const distribution::Layout& output_layout() const noexcept { return output_; }

  /// y = Op x, or y += Op x if `accumulate`. This rank's home blocks, which must not overlap.
  /// Collective. @throws ShapeError, at the first application on every rank or on none
  void apply(std::span<const double> x, std::span<double> y, bool accumulate = false) const;
  /// y = Opᵀ x, or y += Opᵀ x. Collective. @throws ShapeError as apply()
  void apply_transposed(std::span<const double> x, std::span<double> y,
                        bool accumulate = false) const;

  /// Whether the diagonal follows from what the operator is made of. Local.
  virtual bool has_diagonal() const noexcept { return false; }
  /// This rank's home block of the diagonal, if has_diagonal(). Collective.
  /// @throws ShapeError on every rank, or on none
  void diagonal(std::span<double> values) const;

  /// What an application takes, for reports: "2 exchanges, 3 vectors moved". Empty if there is
  /// nothing to say. Local.
  virtual std::string description() const { return {}; }

 protected:
  /// @param comm  must outlive the operator
  LinearOperator(const communication::Communicator& comm, distribution::Layout input,
                 distribution::Layout output)
      : comm_(&comm), input_(std::move(input)), output_(std::move(output)) {}

 private:
  virtual void do_apply(std::span<const double> x, std::span<double> y, bool transposed,
                        bool accumulate) const = 0;
  virtual void do_diagonal(std::span<double> values) const;
  void check_sizes(std::size_t given, std::size_t room, bool transposed) const;

  const communication::Communicator* comm_;
  distribution::Layout input_;
  distribution::Layout output_;
  std::array<SizeAgreement, 2> sizes_;  ///< forward and transposed
};

using OperatorPtr = std::shared_ptr<const LinearOperator>;

/// scale * A_1 A_2 … A_q (the last acts first). Layouts of neighbours must agree: the same vectors
/// cut at the same places. Keeps up to two intermediate vectors once applied. Collective.
/// @throws ShapeError if they do not conform
OperatorPtr compose(double scale, std::vector<OperatorPtr> operators);

/// Σ A_i, all with the same layouts, applied one after the other. Collective. @throws ShapeError if
/// they differ
OperatorPtr add(std::vector<OperatorPtr> operators);

/// diag(values) over a whole grid. Collective.
/// @param values  this rank's home block; kept
/// @throws ShapeError on every rank, or on none
OperatorPtr make_grid_diagonal(const communication::Communicator& comm,
                               const distribution::Layout& layout, std::vector<double> values);

}  // namespace kronwerk::operators
