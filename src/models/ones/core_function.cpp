#include "models/ones/core_function.hpp"

#include <utility>
#include <vector>

namespace kronwerk::models {
namespace {

class CoreFunction final : public operators::LinearOperator {
 public:
  CoreFunction(const communication::Communicator& comm, std::shared_ptr<const OnesCore> core,
               OperatorPtr to_basis, OperatorPtr from_basis, Index batch,
               OnesCore::Function function)
      : LinearOperator(comm, to_basis->input_layout(), from_basis->output_layout()),
        core_(std::move(core)),
        to_basis_(std::move(to_basis)),
        from_basis_(std::move(from_basis)),
        batch_(batch),
        function_(function) {}

 private:
  /// Symmetric.
  void do_apply(std::span<const double> x, std::span<double> y, bool,
                bool accumulate) const override {
    coordinates_.resize(x.size());
    to_basis_->apply(x, coordinates_);
    core_->apply(input_layout(), batch_, function_, coordinates_);
    from_basis_->apply(coordinates_, y, accumulate);
  }

  std::shared_ptr<const OnesCore> core_;
  OperatorPtr to_basis_, from_basis_;
  Index batch_;
  OnesCore::Function function_;
  mutable std::vector<double> coordinates_;
};

}  // namespace

OperatorPtr make_core_function(const communication::Communicator& comm,
                               std::shared_ptr<const OnesCore> core, OperatorPtr to_basis,
                               OperatorPtr from_basis, Index batch, OnesCore::Function function) {
  return std::make_shared<CoreFunction>(comm, std::move(core), std::move(to_basis),
                                        std::move(from_basis), batch, function);
}

}  // namespace kronwerk::models
