#include "models/ones/core_function.hpp"

#include <utility>
#include <vector>

namespace kronwerk::models {
namespace {

class CoreFunction final : public operators::LinearOperator {
 public:
  CoreFunction(const communication::Communicator& comm, OperatorPtr to_basis,
               OperatorPtr from_basis, std::function<void(std::span<double>)> function)
      : LinearOperator(comm, to_basis->input_layout(), from_basis->output_layout()),
        to_basis_(std::move(to_basis)),
        from_basis_(std::move(from_basis)),
        function_(std::move(function)) {}

 private:
  /// Symmetric.
  void do_apply(std::span<const double> x, std::span<double> y, bool,
                bool accumulate) const override {
    coordinates_.resize(x.size());
    to_basis_->apply(x, coordinates_);
    function_(coordinates_);
    from_basis_->apply(coordinates_, y, accumulate);
  }

  OperatorPtr to_basis_, from_basis_;
  std::function<void(std::span<double>)> function_;
  mutable std::vector<double> coordinates_;
};

}  // namespace

OperatorPtr make_core_function(const communication::Communicator& comm, OperatorPtr to_basis,
                               OperatorPtr from_basis,
                               std::function<void(std::span<double>)> function) {
  return std::make_shared<CoreFunction>(comm, std::move(to_basis), std::move(from_basis),
                                        std::move(function));
}

}  // namespace kronwerk::models
