#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#include "kronwerk/core/extents.hpp"

namespace kronwerk::application {

/// One line on the terminal that is renewed in place while a stage takes longer than two seconds.
/// Drawn by a thread of its own, which makes no MPI call; does nothing when not enabled.
class Progress {
 public:
  explicit Progress(bool enabled);
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress();

  /// A stage begins.
  void begin(const std::string& stage);
  /// How far the job is: "batch 3 of 40". `total` 0: unknown.
  void set(const std::string& unit, core::Index done, core::Index total);
  /// The stage is over: the line is wiped.
  void end();

 private:
  void draw_while_enabled();

  bool enabled_;
  bool stopping_ = false;
  bool drawn_ = false;
  std::string stage_;
  std::string position_;
  double started_ = 0;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::thread thread_;
};

}  // namespace kronwerk::application
