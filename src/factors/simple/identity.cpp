// Declared in kronwerk/factors/base/make.hpp.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "factors/base/local_factorisation.hpp"
#include "factors/dense/dense_apply.hpp"
#include "kronwerk/core/error.hpp"
#include "kronwerk/factors/base/make.hpp"

namespace kronwerk::factors {
namespace {

class IdentityFactorisation final : public Factorisation {
 public:
  explicit IdentityFactorisation(Index extent) : Factorisation(extent) {}

  Determinant determinant() const override { return {}; }
  double condition() const override { return 1.0; }
  double flops_per_fibre() const override { return 0.0; }
  Index bytes() const override { return 0; }
  std::string description() const override { return "identity"; }

 private:
  void do_solve(ConstView b, View x, bool) const override { copy_view(b, x); }
};

class NothingToStore final : public LocalFactorisation {
 public:
  std::size_t bytes() const override { return 0; }
  void store(std::byte*) override {}
};

class IdentityFactor final : public Factor {
 public:
  explicit IdentityFactor(Index extent) : Factor(Kind::identity, extent, extent, "I") {}

  double flops_per_fibre() const override { return 0.0; }
  Index bytes() const override { return 0; }
  std::vector<double> diagonal() const override {
    return std::vector<double>(static_cast<std::size_t>(rows()), 1.0);
  }
  void add_to_dense(double scale, std::span<double> out) const override {
    for (Index i = 0; i < rows(); ++i) out[static_cast<std::size_t>(i * (rows() + 1))] += scale;
  }

 private:
  void do_apply(ConstView x, View y, bool) const override { copy_view(x, y); }
  std::unique_ptr<LocalFactorisation> begin_factorisation() const override {
    return std::make_unique<NothingToStore>();
  }
  std::shared_ptr<const Factorisation> attach_factorisation(
      communication::SharedArray<std::byte>) const override {
    return std::make_shared<IdentityFactorisation>(rows());
  }
};

}  // namespace

FactorPtr make_identity(Index extent) {
  if (extent < 0) {
    throw core::ShapeError("an identity of size " + std::to_string(extent) +
                           " was asked for; sizes are not negative");
  }
  return std::make_shared<IdentityFactor>(extent);
}

}  // namespace kronwerk::factors
