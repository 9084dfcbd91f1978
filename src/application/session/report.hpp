#pragma once

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "application/inputs/problem.hpp"
#include "application/session/stages.hpp"
#include "kronwerk/expressions/lowering.hpp"
#include "kronwerk/io/files/result_file.hpp"

namespace kronwerk::application {

/// What a job has to say of itself: attributes of /report and lines of the closing summary.
class Report {
 public:
  void set(const std::string& name, const io::AttributeValue& value);
  void line(const std::string& text) { lines_.push_back(text); }
  const std::vector<std::pair<std::string, io::AttributeValue>>& attributes() const noexcept {
    return attributes_;
  }
  const std::vector<std::string>& lines() const noexcept { return lines_; }

 private:
  std::vector<std::pair<std::string, io::AttributeValue>> attributes_;
  std::vector<std::string> lines_;
};

/// Least and greatest value and the Euclidean norm of a distributed vector, gathered block by
/// block.
class Statistics {
 public:
  void add(std::span<const double> values);
  /// Collective.
  std::string text(const communication::Communicator& comm) const;

 private:
  double least_ = 0;
  double greatest_ = 0;
  double squares_ = 0;
  core::Index count_ = 0;
};

/// Condition estimates of the factors that were factorised, one attribute per mode, and a line per
/// distinct factor under the stage "factorise"; warns of those that are nearly singular.
/// Collective.
void announce_factors(std::span<const expressions::LoweredProduct> products, Stages& stages,
                      Report& report);

/// When the job began, for the root attributes.
struct JobClock {
  std::string started;  ///< ISO 8601, UTC
  double start_seconds = 0;
};
JobClock start_clock();

/// Writes /report and the root attributes. Collective.
void write_report(const communication::Communicator& comm, io::ResultFile& file,
                  const configuration::Job& job, const Stages& stages, const Report& report,
                  const JobClock& clock);

}  // namespace kronwerk::application
