#pragma once

// A random job of any kind, and what the judge says of its outcome.

#include <memory>
#include <string>

#include "adversary/material/material.hpp"

namespace kronwerk::adversary {

/// How a job ended: the exit code and the message that the program would print.
struct Ending {
  int code = 0;
  std::string message;
};

enum class Verdict {
  right,        ///< as exact as the condition allows
  vague,        ///< so badly conditioned that nothing can be said
  refused,      ///< by name, where that is legitimate
  unconverged,  ///< the job says so itself
  wrong,
};

struct Judgement {
  Verdict verdict = Verdict::right;
  std::string why;  ///< for `wrong`: what was found and what was expected
};

class RandomJob {
 public:
  virtual ~RandomJob() = default;
  virtual std::string yaml() const = 0;
  /// For messages: task, structure, kinds of the factors.
  virtual std::string summary() const = 0;
  virtual const Material& material() const = 0;
  /// @param result  the result file, which may not exist
  virtual Judgement judge(const Ending& ending, const std::string& result) const = 0;
};

/// A task on an operator.
std::unique_ptr<RandomJob> random_operator_job(std::uint64_t seed);
/// A Gaussian model.
std::unique_ptr<RandomJob> random_model_job(std::uint64_t seed);
/// A model of flows.
std::unique_ptr<RandomJob> random_flow_job(std::uint64_t seed);

}  // namespace kronwerk::adversary
