#pragma once

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
  bool input = false;
};

/// The Jacobian-vector product.
struct TangentRequest {
  std::map<std::string, Placed<double>> parameters;
  std::optional<VectorSource> input;
};

struct SolverSettings {
  Method method = Method::automatic;
  double tolerance = 1e-10;
  core::Index max_iterations = 1000;
  core::Index probes = 30;  ///< of a stochastic log determinant
  std::uint64_t seed = 1;
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

/// A validated job.
struct Job {
  std::string file;  ///< as given on the command line
  std::string text;  ///< the full configuration after overrides
  Task task = Task::apply;
  std::map<std::string, Placed<double>> parameters;  ///< of a sweep: those of its first point
  std::vector<SweepAxis> sweep;                      ///< the first varies slowest
  std::map<std::string, Placed<DatasetReference>> matrices;
  Placed<std::string> formula;
  std::optional<VectorSource> input;
  std::optional<GradientRequest> gradient;
  std::optional<TangentRequest> tangent;
  std::optional<ProjectionRequest> projection;
  SolverSettings solver;
  double time = 1;  ///< of `expm`
  OutputSettings output;
  std::optional<core::Index> batch;  ///< right-hand sides per block
  int blas_threads = 1;
  std::string petsc_options;
  std::vector<std::string> warnings;  ///< keys that the task does not use

  /// "configs/x.yaml:7:3", for messages about a value.
  std::string where(const Position& position) const { return position.text(file); }
};

/// Turns the text of a configuration into a job. Pure: reads no file, the same on every rank.
/// @param file       named in messages; relative paths are resolved against its directory
/// @param overrides  "key=value" of every --set, the last one wins
/// @throws ConfigurationError naming file, line and column
Job parse_job(const std::string& text, const std::string& file,
              std::span<const std::string> overrides = {});

}  // namespace kronwerk::configuration
