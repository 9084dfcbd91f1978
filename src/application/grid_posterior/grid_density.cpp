#include "application/grid_posterior/grid_density.hpp"

#include <fmt/format.h>

#include <cmath>

#include "application/fit/fit_parameters.hpp"
#include "application/gaussian/likelihood.hpp"

namespace kronwerk::application {
namespace {

class GaussianGridDensity final : public GridDensity {
 public:
  explicit GaussianGridDensity(GaussianContext& context)
      : context_(context),
        likelihood_(context),
        prior_(prior_of(context.job, context.job.posterior->coefficient_prior)) {
    // Those under others are given, but where they are only to begin.
    if (prior_ && prior_->kind() != models::Prior::Kind::normal) prior_.reset();
    refuse_estimates();
  }

  Value evaluate(const Parameters& parameters, const std::vector<std::string>& names,
                 std::span<const double> coefficients) override {
    Likelihood::Request request{names, false, models::Judged::first_use};
    request.coefficients.assign(coefficients.begin(), coefficients.end());
    request.integrated = coefficients.empty();
    if (request.integrated) request.prior = prior_;
    Likelihood::Value found = likelihood_.evaluate(parameters, request);
    if (!found.solves.failure().empty()) throw core::DataError(found.solves.failure());
    method_ = std::move(found.method);
    Value result{found.total(), std::move(found.gradient), std::move(found.mean)};
    if (!coefficients.empty()) {
      result.gradient.insert(result.gradient.end(), found.mean_gradient.begin(),
                             found.mean_gradient.end());
    }
    return result;
  }

  std::string method() const override { return method_; }

  void write_observations() override {
    write_observed_cells(context_, likelihood_.observations(), likelihood_.layout(),
                         likelihood_.observations_per_block(), likelihood_.blocks());
  }

 private:
  void refuse_estimates() const {
    const Index limit = likelihood_.missing_settings().exact_limit;
    for (std::size_t b = 0; b < likelihood_.blocks().size(); ++b) {
      const models::CellMask* mask = likelihood_.mask(b);
      if (mask == nullptr || mask->missing() <= limit) continue;
      throw core::ConfigurationError(fmt::format(
          "{}: {} cells are missing, so that the log density is an estimate, which a sampler "
          "cannot use: up to {} missing cells are exact. Leave slices of the grid out, or fit "
          "instead",
          context_.job.where(context_.request().observations->position), mask->missing(), limit));
    }
  }

  GaussianContext& context_;
  Likelihood likelihood_;
  std::optional<models::Prior> prior_;  ///< of coefficients that are integrated out
  std::string method_;
};

}  // namespace

std::unique_ptr<GridDensity> make_gaussian_grid_density(GaussianContext& context) {
  return std::make_unique<GaussianGridDensity>(context);
}

void write_observed_cells(GaussianContext& context, const Observations& observations,
                          const distribution::Layout& layout, Index per_block,
                          std::span<const std::vector<double>> blocks) {
  const std::string path = "/observed_data/y";
  const core::Extents shape = dataset_shape(observations.shape(), context.model.extents());
  context.file.create_dataset(path, shape);
  Index first = 0;
  for (const auto& block : blocks) {
    observations.scatter(first, layout, block, std::nan(""),
                         [&](Index offset, std::span<const double> values) {
                           context.file.write_range(path, offset, values);
                         });
    first += per_block;
  }
  std::vector<std::string> axes;
  for (std::size_t k = 0; k < context.model.extents().size(); ++k) {
    axes.push_back(fmt::format("mode_{}", k + 1));
  }
  if (shape.size() > axes.size()) axes.insert(axes.begin(), "observation");
  // Flat datasets have one axis for all modes.
  if (shape.size() < axes.size()) axes.clear();
  context.file.name_axes(path, axes);
}

}  // namespace kronwerk::application
