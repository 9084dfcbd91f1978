#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "kronwerk/configuration/position.hpp"
#include "kronwerk/configuration/schema.hpp"
#include "kronwerk/core/extents.hpp"

namespace kronwerk::configuration {

enum class Method { automatic, direct, krylov };
enum class Transform { none, log1p, log, sqrt, square, exp };
enum class RandomKind { normal, uniform };

/// A dataset in a file; the path is resolved against the configuration file's directory.
struct DatasetReference {
  std::string file;
  std::string dataset;
  bool external = false;    ///< its values may be in other files
  bool transposed = false;  ///< its dimensions are stored in the opposite order
};

/// How a matrix of a Gaussian model is given.
enum class GivenAs { matrix, cholesky, eigen };

struct MatrixReference : DatasetReference {
  GivenAs given_as = GivenAs::matrix;
};

/// What a variable of a kernel formula varies with.
enum class PointIndex { i, j, none };

struct PointsReference {
  DatasetReference data;
  PointIndex index = PointIndex::i;
  Position position;
};

enum class DistanceKind { euclidean, great_circle };
enum class KernelStorage { automatic, stored, lazy };

/// A matrix that is a function of points.
struct KernelRequest {
  Placed<std::string> formula;
  /// The same points for rows and columns, as `x` and `y`; else `variables`.
  std::optional<DatasetReference> points;
  std::map<std::string, PointsReference> variables;
  DistanceKind distance = DistanceKind::euclidean;
  double jitter = 0;
  KernelStorage storage = KernelStorage::automatic;
  Position position;
};

enum class FloatKind { float64, float32 };

/// What `reduce` computes.
struct ReduceRequest {
  Placed<std::string> formula;
  std::map<std::string, PointsReference> variables;
  PointIndex over = PointIndex::j;
  std::vector<Placed<std::string>> reductions;
  core::Index k = 1;
  std::optional<Placed<std::string>> weight;
  struct BlockSparse {
    std::string row_points;
    std::string column_points;
    std::optional<double> range;
    std::optional<double> tolerance;
    Position position;
  };
  std::optional<BlockSparse> block_sparse;
};

struct RandomReference {
  RandomKind kind = RandomKind::normal;
  std::uint64_t seed = 1;
};

/// Where a vector over the grid comes from.
struct VectorSource {
  std::variant<DatasetReference, RandomReference> source;
  Transform transform = Transform::none;
  Position position;
};

/// ∂L/∂(result): a dataset, or one of the two that need no data.
enum class CotangentKind { dataset, result, ones };
struct Cotangent {
  CotangentKind kind = CotangentKind::ones;
  DatasetReference dataset;
  Position position;
};

/// The vector-Jacobian product.
struct GradientRequest {
  Cotangent cotangent;
  std::vector<Placed<std::string>> parameters;
  std::vector<Placed<std::string>> points;  ///< variables of a kernel formula
  bool input = false;
};

/// The Jacobian-vector product.
struct TangentRequest {
  std::map<std::string, Placed<double>> parameters;
  std::optional<VectorSource> input;
};

enum class KernelPreconditioner { automatic, cholesky, nystrom, none };

struct SolverSettings {
  Method method = Method::automatic;
  KernelPreconditioner preconditioner = KernelPreconditioner::automatic;
  std::optional<core::Index> rank;  ///< of the preconditioner
  double tolerance = 1e-10;
  core::Index max_iterations = 1000;
  core::Index probes = 30;  ///< of a stochastic log determinant
  std::uint64_t seed = 1;
  std::optional<Placed<DatasetReference>> initial_guess;  ///< of `solve`
};

/// What `project` approximates, and by what.
enum class ProjectionTarget { kronsum, kron };
enum class ProjectionSource { data, gram };
enum class TraceChoice { split, first, none };
struct ProjectionRequest {
  ProjectionTarget onto = ProjectionTarget::kronsum;
  ProjectionSource of = ProjectionSource::data;
  TraceChoice trace = TraceChoice::split;
  Placed<core::Extents> extents;
  core::Extents columns;  ///< of the factors of a Kronecker product; as many as extents
};

enum class Centre { none, mean, samples };

/// Sparse graphs of every axis of samples on a grid.
struct GraphRequest {
  /// The mode-wise Gram matrices instead of samples.
  struct Grams {
    DatasetReference group;   ///< of the datasets 1, …, K
    core::Index samples = 1;  ///< that they are means over
    Position position;
  };
  Placed<core::Extents> extents;
  std::optional<Grams> grams;
  Centre centre = Centre::none;
  std::vector<Placed<std::string>> penalty;         ///< a formula for all modes, or one for each
  std::optional<Placed<DatasetReference>> weights;  ///< group of matrices 1, …, K, some absent
  std::optional<VectorSource> held_out;
  TraceChoice trace = TraceChoice::split;
  double gamma = 0.5;  ///< of the extended BIC
};

/// The mean of a Gaussian model: a number, a parameter, or Xβ.
struct MeanRequest {
  double constant = 0;
  std::optional<Placed<std::string>> parameter;
  std::vector<Placed<std::string>> columns;
  std::vector<double> coefficients;  ///< β for `sample`
  bool per_observation = false;      ///< a β for every observation instead of one for all
  Position position;
};

/// New points of a kernel, and the regressors of the mean there.
struct NewPointsRequest {
  DatasetReference points;
  std::map<std::string, Placed<DatasetReference>> columns;  ///< by the names of the mean's vectors
  Position position;
};

struct ObservationsRequest {
  DatasetReference data;
  Transform transform = Transform::none;
  bool nan_is_missing = false;
  std::optional<DatasetReference> mask;
  std::vector<double> quantiles;  ///< of what is predicted, before the transform
  Position position;
};

/// One parameter that `fit` estimates.
struct FitParameter {
  std::optional<double> lower;
  std::optional<double> upper;
  std::optional<Placed<std::string>> prior;
  Position position;
};

enum class FitMethod { newton, quasi_newton };

struct FitRequest {
  std::map<std::string, FitParameter> parameters;
  std::optional<FitMethod> method;  ///< of counts of flows; absent: by the number of variables
  core::Index starts = 1;
  std::uint64_t seed = 1;
  double tolerance = 1e-3;
  core::Index max_iterations = 200;
  bool standard_errors = true;
};

enum class LikelihoodFamily { poisson, negative_binomial, binomial, bernoulli };

/// What is observed in the cells of a grid, given a latent field.
struct LikelihoodRequest {
  LikelihoodFamily family = LikelihoodFamily::poisson;
  /// Exposures or trials: a dataset of the grid, or one number for all cells.
  std::optional<DatasetReference> sizes;
  double size = 1;
  double theta = 1;  ///< of the negative binomial, or
  std::optional<Placed<std::string>> theta_parameter;
  std::vector<double> quantiles;  ///< of the observations that are predicted
  Position position;
};

enum class PosteriorMetric { diagonal, dense };

/// What `posterior` samples, and how.
struct PosteriorRequest {
  std::map<std::string, FitParameter> parameters;
  std::optional<FitParameter> theta;   ///< of negative binomial flows
  std::optional<FitParameter> sigma2;  ///< of gaussian flows
  std::optional<Placed<std::string>> coefficient_prior;
  core::Index chains = 4;
  core::Index warmup = 1000;
  core::Index draws = 1000;
  std::uint64_t seed = 1;
  double target_acceptance = 0.8;
  core::Index max_depth = 10;
  PosteriorMetric metric = PosteriorMetric::dense;
  bool log_likelihood = false;  ///< of every observation, at every draw
  Position position;
};

/// A Gaussian model on a grid and what is asked of it.
struct GaussianRequest {
  MeanRequest mean;
  std::optional<LikelihoodRequest> likelihood;  ///< absent: the observations are Gaussian
  std::optional<ObservationsRequest> observations;
  core::Index draws = 0;
  std::uint64_t seed = 1;
  std::map<std::string, NewPointsRequest> new_points;  ///< by the names of kernels
  bool variance = true;
  bool noise = false;
  bool factored_covariance = false;
  bool jacobian = false;  ///< the log density of the observations before their transform
  FitRequest fit;
};

enum class FlowFamily { gaussian, poisson, negative_binomial };
enum class FilterActsOn { response, errors };
enum class EffectsOn { linear_predictor, mean };

/// A model of flows between origins and destinations. The filter is the job's formula.
struct FlowRequest {
  FlowFamily family = FlowFamily::gaussian;
  FilterActsOn acts_on = FilterActsOn::response;
  std::vector<Placed<std::string>> columns;
  /// Where fixed effects of the origins and of the destinations stand among the columns.
  std::array<std::optional<Position>, 2> fixed_effects;
  ObservationsRequest observations;
  std::optional<DatasetReference> exposure;  ///< of counts
  bool jacobian = false;  ///< the log likelihood of the values before their transform
  FitRequest fit;
  // Of other tasks than `fit`:
  std::vector<double> coefficients;  ///< empty: those of the parameters' file
  std::optional<double> sigma2;
  std::optional<double> theta;
  core::Index draws = 0;
  std::uint64_t seed = 1;
  std::optional<Placed<std::string>> attribute;
  EffectsOn on = EffectsOn::linear_predictor;
};

struct OutputSettings {
  std::string file;
  bool overwrite = false;
  Position position;
};

/// One swept parameter.
struct SweepAxis {
  std::string name;
  std::vector<double> values;
  Position position;
};

/// A file that the configuration names as data.
struct FileUse {
  std::string file;
  std::string key;  ///< "matrices.W"
  Position position;
};

/// A validated job.
struct Job {
  std::string file;  ///< as given on the command line
  std::string text;  ///< the full configuration after overrides
  Task task = Task::apply;
  std::map<std::string, Placed<double>> parameters;   ///< of a sweep: those of its first point
  std::vector<SweepAxis> sweep;                       ///< the first varies slowest
  std::optional<Placed<std::string>> parameter_file;  ///< result of a fit, for further parameters
  std::map<std::string, Placed<MatrixReference>> matrices;
  std::map<std::string, KernelRequest> kernels;
  /// The operator's formula, or the covariance's, or the filter's.
  Placed<std::string> formula;
  std::optional<VectorSource> input;
  std::optional<GradientRequest> gradient;
  std::optional<TangentRequest> tangent;
  std::optional<ProjectionRequest> projection;
  std::optional<GraphRequest> graph;
  std::optional<GaussianRequest> gaussian;
  std::optional<FlowRequest> flow;
  std::optional<ReduceRequest> reduce;
  std::optional<PosteriorRequest> posterior;
  FloatKind precision = FloatKind::float64;  ///< of kernel formulas
  SolverSettings solver;
  double time = 1;  ///< of `expm`
  OutputSettings output;
  bool external_data = false;        ///< what the job reads may be in files that its files refer to
  std::vector<FileUse> files;        ///< everything but the output and this configuration
  std::optional<core::Index> batch;  ///< right-hand sides per block
  core::Index repeat = 1;            ///< once for the result, and again for the times alone
  std::optional<double> checkpoint_seconds;  ///< between two savings of what was done
  int blas_threads = 1;
  std::string petsc_options;
  std::vector<std::string> warnings;  ///< keys that the task does not use

  /// Whether the task finds values of parameters, or what is known of them: `fit`, `posterior`.
  bool estimates() const noexcept { return task == Task::fit || task == Task::posterior; }
  /// The parameters that a fit estimates or a posterior is of; of other tasks none.
  const std::map<std::string, FitParameter>& varied() const;
  /// "configs/x.yaml:7:3", for messages about a value.
  std::string where(const Position& position) const { return position.text(file); }
};

/// Longer texts are refused, in bytes.
inline constexpr std::size_t longest_configuration = std::size_t{4} << 20;

/// Turns the text of a configuration into a job. Pure: reads no file, the same on every rank.
/// @param file       named in messages; relative paths are resolved against its directory
/// @param overrides  "key=value" of every --set, the last one wins
/// @throws ConfigurationError naming file, line and column
Job parse_job(const std::string& text, const std::string& file,
              std::span<const std::string> overrides = {});

}  // namespace kronwerk::configuration
