#pragma once

#include <span>
#include <string>
#include <vector>

#include "application/session/job_context.hpp"
#include "kronwerk/operators/krylov/krylov.hpp"

namespace kronwerk::application {

/// The iterate of an iterative solve, kept every `checkpoint.every` seconds and when the job is
/// terminated, with the solutions of earlier solves that it follows from.
class KeptIterate {
 public:
  /// @param context  must outlive this
  explicit KeptIterate(const JobContext& context) : context_(context) {}

  /// Which solve comes next. Local.
  /// @param name    which no other solve has that may be kept at the same time
  /// @param size    of the solution over all ranks
  /// @param offset  of this rank's block in it
  void begin(std::string name, core::Index size, core::Index offset);
  /// Fills x with what an earlier run has kept of this solve; false if there is nothing.
  /// Collective.
  bool start(std::span<double> x) const;
  /// After an iteration: keeps the iterate if it is time. Collective.
  void note(const operators::KrylovIterate& iterate);
  /// Keeps this one for the next save, as for a job that is being terminated. Collective.
  void keep(std::span<const double> x);
  /// The solve has ended with x, which later ones need; x must stay until forget(). Local.
  void end(std::span<const double> x);
  /// None of these solves is needed any more. Local.
  void forget();

 private:
  struct Solve {
    std::string name;
    core::Index size = 0;
    core::Index offset = 0;
    std::span<const double> solution{};
    bool kept = false;
  };

  const JobContext& context_;
  Solve present_;
  std::vector<Solve> ended_;
};

}  // namespace kronwerk::application
