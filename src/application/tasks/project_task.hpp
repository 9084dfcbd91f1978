#pragma once

#include <string>

#include "application/inputs/vector_shape.hpp"
#include "application/session/job_context.hpp"
#include "kronwerk/operators/grids/projection.hpp"
#include "kronwerk/operators/nearest/nearest_kronecker_matrix.hpp"

namespace kronwerk::application {

/// What the job's input is to a projection.
struct ProjectionInput {
  enum class Kind { vector, matrix, samples };
  Kind kind = Kind::vector;
  Extents extents;    ///< (n_1, …, n_K)
  Index rows = 1;     ///< of a matrix
  Index columns = 1;  ///< of a matrix; else the points of the grid
  Index samples = 1;
  Index samples_per_block = 1;
  /// Whether the norm of the Gram operator is worth its products of samples.
  bool compare_samples = false;

  std::string text() const;
};

/// Finds out what the input is from its shape alone. Collective.
/// @throws ShapeError, DataError on every rank
ProjectionInput examine_projection(const communication::Communicator& comm,
                                   const configuration::Job& job, int ranks);

methods::MemoryNeeds estimate_projection_memory(const configuration::Job& job,
                                                const ProjectionInput& input, int ranks, int nodes);

/// The task `project`: the nearest Kronecker sum or product, written to /factor/1, …, /offset and
/// /gram/1, …. Collective. @throws ConvergenceError after the result is written
void run_projection_job(const JobRun& run);
Plan plan_projection_job(const PlanRequest& request);

}  // namespace kronwerk::application
