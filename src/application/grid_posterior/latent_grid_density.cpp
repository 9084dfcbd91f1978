// Declared in application/grid_posterior/grid_density.hpp.
#include <fmt/format.h>

#include "application/grid_posterior/grid_density.hpp"
#include "application/latent/latent_likelihood.hpp"

namespace kronwerk::application {
namespace {

/// Newton's method begins at the same field for every point, that of the initial values, so that no
/// density depends on those before it.
class LatentGridDensity final : public GridDensity {
 public:
  explicit LatentGridDensity(GaussianContext& context) : context_(context), likelihood_(context) {
    refuse_estimates();
    context.stages.run("mode", [&] { require(likelihood_.find_mode(context.parameters)); });
    likelihood_.approximation().begin_here();
  }

  Value evaluate(const Parameters& parameters, const std::vector<std::string>& names,
                 std::span<const double>) override {
    auto found = likelihood_.evaluate(parameters, names);
    require(found.progress);
    return {found.density.value, std::move(found.density.gradient),
            likelihood_.approximation().mean()};
  }

  // Steps and iterations differ from point to point.
  std::string method() const override { return "Laplace's method, log|B| exact"; }

  void write_observations() override {
    const auto& layout = likelihood_.layout();
    std::vector<std::vector<double>> y(1);
    y[0].resize(static_cast<std::size_t>(layout.home_size(context_.comm.rank())));
    likelihood_.observations().read(0, layout, y[0]);
    write_observed_cells(context_, likelihood_.observations(), layout, 1, y);
  }

 private:
  void refuse_estimates() {
    const auto& approximation = likelihood_.approximation();
    if (approximation.exact()) return;
    throw core::ConfigurationError(fmt::format(
        "{}: with {} observed cells log|B| of Laplace's method is an estimate, which a sampler "
        "cannot use: up to {} cells are exact. Fit instead, or take fewer cells",
        context_.job.where(context_.request().observations->position), approximation.observed(),
        models::LaplaceSettings{}.exact_limit));
  }

  static void require(const models::LaplaceProgress& progress) {
    if (!progress.converged) throw core::DataError(progress.reason);
  }

  GaussianContext& context_;
  LatentLikelihood likelihood_;
};

}  // namespace

std::unique_ptr<GridDensity> make_latent_grid_density(GaussianContext& context) {
  return std::make_unique<LatentGridDensity>(context);
}

}  // namespace kronwerk::application
