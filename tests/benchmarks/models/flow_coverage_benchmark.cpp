// flow_coverage_benchmark FITS SIDE
// How often the 95 % intervals of a fit hold the truth: FITS fits each of a Gaussian and a Poisson
// flow model to simulated flows between the SIDE x SIDE regions of a grid with about six neighbours
// each; a separable filter, an intercept, an attribute of the origins and a grid column.
#include <cmath>

#include "benchmarks/cases.hpp"
#include "benchmarks/measure.hpp"
#include "kronwerk/expressions/lowering.hpp"
#include "kronwerk/factors/spectra/bases.hpp"
#include "kronwerk/models/fit/estimate_covariance.hpp"
#include "kronwerk/models/flow/gaussian_flow.hpp"
#include "kronwerk/models/flow_counts/count_draws.hpp"
#include "kronwerk/models/flow_counts/count_flow.hpp"
#include "kronwerk/models/flow_determinants/bilinear_determinant.hpp"
#include "kronwerk/models/flow_determinants/filter_constraints.hpp"
#include "models/flow_counts/separable_solves.hpp"

namespace communication = kronwerk::communication;
namespace expressions = kronwerk::expressions;
namespace factors = kronwerk::factors;
namespace models = kronwerk::models;
namespace operators = kronwerk::operators;
namespace benchmarks = kronwerk::benchmarks;
using kronwerk::core::Index;

namespace {

using Numbers = std::vector<double>;
const Numbers rates{0.4, 0.2};
const Numbers coefficients{0.5, 0.3, -0.4};
constexpr double sigma2 = 0.5;

/// How often each parameter's interval held its truth.
class Coverage {
 public:
  explicit Coverage(Numbers truth) : truth_(std::move(truth)), held_(truth_.size(), 0.0) {}

  void add(std::span<const double> estimates, const std::optional<Numbers>& covariance) {
    constexpr double quantile = 1.959963984540054;
    ++fits_;
    const std::size_t n = truth_.size();
    for (std::size_t i = 0; covariance && i < n; ++i) {
      const double half = quantile * std::sqrt((*covariance)[i * n + i]);
      held_[i] += std::abs(estimates[i] - truth_[i]) <= half ? 1 : 0;
    }
  }
  void report(const communication::Communicator& comm, const std::string& family,
              const std::vector<std::string>& names) const {
    for (std::size_t i = 0; i < names.size(); ++i) {
      benchmarks::report(comm, (family + "_" + names[i]).c_str(), held_[i] / fits_);
    }
    benchmarks::report(comm, (family + "_least").c_str(), std::ranges::min(held_) / fits_);
    benchmarks::report(comm, (family + "_most").c_str(), std::ranges::max(held_) / fits_);
  }

 private:
  Numbers truth_;
  Numbers held_;
  double fits_ = 0;
};

class Study {
 public:
  Study(const communication::Communicator& comm, Index side)
      : comm_(comm),
        extent_(side * side),
        workspace_(std::make_shared<operators::Workspace>(comm)),
        weights_(benchmarks::neighbour_weights(side)),
        filter_(make_filter()),
        constraints_(filter_, {}, {{"o", 0.1, {}, -0.9, 0.9}, {"d", 0.1, {}, -0.9, 0.9}}) {
    expressions::Lowering lowering(comm_, {{"W", weights_}});
    for (const std::size_t mode : {0U, 1U}) {
      for (const auto& matrix : filter_.matrices(mode)) {
        matrices_[mode].push_back(lowering.lower(*matrix));
      }
    }
    const kronwerk::distribution::Layout layout({extent_, extent_}, 1, comm_.size());
    first_ = layout.home_begin(comm_.rank());
    size_ = static_cast<std::size_t>(layout.home_size(comm_.rank()));
    const auto extent = static_cast<std::size_t>(extent_);
    using Kind = models::FlowColumn::Kind;
    columns_ = {
        {Kind::kron, "1", Numbers(extent, 1.0), Numbers(extent, 1.0), {}},
        {Kind::kron, "u", benchmarks::random_numbers(2, 0, extent), Numbers(extent, 1.0), {}},
        {Kind::grid, "g", {}, {}, benchmarks::random_numbers(3, first_, size_)}};
    const models::ColumnSolver solver(comm_, filter_, matrices_);
    solves_ = models::SeparableSolves::make(comm_, workspace_, filter_, matrices_, solver,
                                            filter_.coefficients(rates));
    trend_.assign(size_, 0.0);
    models::add_columns(columns_, coefficients, first_ / extent_, extent_, trend_);
  }

  Coverage gaussian(int fits) {
    const auto log_det = determinant();
    Coverage coverage(
        {rates[0], rates[1], coefficients[0], coefficients[1], coefficients[2], sigma2});
    for (int fit = 0; fit < fits; ++fit) {
      Numbers flows =
          benchmarks::random_numbers(static_cast<std::uint64_t>(1000 + fit), first_, size_);
      for (std::size_t i = 0; i < size_; ++i) {
        flows[i] = trend_[i] + std::sqrt(sigma2) * flows[i];
      }
      std::vector<Numbers> years(1, Numbers(size_));
      solves_->solve(flows, years[0], false);
      const models::GaussianFlow flow(
          filter_, *log_det,
          models::find_moments(comm_, workspace_, filter_, matrices_, columns_, years,
                               models::FilterActsOn::response),
          1, {"1", "u", "g"});
      const auto value_at = [&](std::span<const double> x) -> std::optional<models::NewtonPoint> {
        auto value = flow.evaluate(x);
        return models::NewtonPoint{{x.begin(), x.end()},
                                   value.log_likelihood,
                                   std::move(value.gradient),
                                   std::move(value.hessian)};
      };
      const auto outcome = maximise(value_at, {0.1, 0.1});
      const auto at = flow.evaluate(outcome.x);
      Numbers estimates = outcome.x;
      estimates.insert(estimates.end(), at.squares.coefficients.begin(),
                       at.squares.coefficients.end());
      estimates.push_back(at.sigma2);
      coverage.add(estimates, models::estimate_covariance(flow.information(outcome.x),
                                                          std::vector<char>(estimates.size(), 0)));
    }
    return coverage;
  }

  Coverage poisson(int fits) {
    Coverage coverage({rates[0], rates[1], coefficients[0], coefficients[1], coefficients[2]});
    Numbers eta(size_);
    solves_->solve(trend_, eta, false);
    for (int fit = 0; fit < fits; ++fit) {
      models::FlowCounts counts{{Numbers(size_)}, {}};
      models::draw_counts(static_cast<std::uint64_t>(1000 + fit), first_, eta, 0, counts.years[0]);
      models::CountFlow flow(comm_, workspace_, filter_, matrices_, columns_, std::move(counts),
                             models::CountFamily::poisson, {});
      const auto outcome = maximise([&](std::span<const double> x) { return flow.evaluate(x); },
                                    flow.begin(Numbers{0.1, 0.1}));
      const auto point = flow.evaluate(outcome.x);
      Numbers information = point->hessian;
      for (double& value : information) value = -value;
      coverage.add(outcome.x, models::estimate_covariance(information,
                                                          std::vector<char>(outcome.x.size(), 0)));
    }
    return coverage;
  }

 private:
  models::FlowFilter make_filter() const {
    expressions::Symbols symbols;
    symbols.parameters = {{"o", 0.1}, {"d", 0.1}};
    symbols.matrices["W"] = {extent_, extent_};
    const auto sum =
        expressions::expand(expressions::analyse("kron(I - o*W, I - d*W)", symbols, "benchmark"),
                            {"o", "d"}, symbols.parameters);
    return {sum, {"o", "d"}, {}};
  }

  std::unique_ptr<models::FilterDeterminant> determinant() const {
    factors::BasisRequest request{{{weights_}}};
    request.schur_allowed = true;
    request.eigenvalues_only = true;
    const auto bases = factors::find_bases(comm_, std::span(&request, 1)).bases;
    const auto nodes = models::nodes_of(bases[0]->eigenvalues, "W");
    std::vector<models::TermPowers> powers;
    for (const auto& term : filter_.terms()) {
      powers.push_back({filter_.matrices(0)[term.origin]->is_identity() ? 0 : 1,
                        filter_.matrices(1)[term.destination]->is_identity() ? 0 : 1});
    }
    return models::make_bilinear_determinant(comm_, powers, {nodes, nodes});
  }

  models::NewtonPoint maximise(const models::NewtonFunction& function, const Numbers& x) const {
    const auto start = function(x);
    if (!start) throw std::runtime_error("a fit cannot begin");
    auto outcome = models::maximise(function, std::cref(constraints_), *start, {});
    if (!outcome.converged) throw std::runtime_error("a fit did not converge: " + outcome.reason);
    return std::move(outcome.point);
  }

  const communication::Communicator& comm_;
  Index extent_;
  std::shared_ptr<operators::Workspace> workspace_;
  factors::FactorPtr weights_;
  models::FlowFilter filter_;
  models::FilterConstraints constraints_;
  models::FlowMatrices matrices_;
  std::vector<models::FlowColumn> columns_;
  std::unique_ptr<models::SeparableSolves> solves_;
  Numbers trend_;
  Index first_ = 0;
  std::size_t size_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  return benchmarks::run_program(
      argc, argv, 2, "flow_coverage_benchmark FITS SIDE",
      [](const benchmarks::Arguments& arguments) {
        const auto comm = communication::Communicator::duplicate(MPI_COMM_WORLD);
        Study study(comm, arguments.index(2));
        std::vector<std::string> names{"rho_o", "rho_d", "intercept", "origin", "grid", "sigma2"};
        study.gaussian(arguments.times(1)).report(comm, "gaussian", names);
        names.pop_back();
        study.poisson(arguments.times(1)).report(comm, "poisson", names);
      });
}
