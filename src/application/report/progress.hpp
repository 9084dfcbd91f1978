#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#include "kronwerk/core/extents.hpp"

namespace kronwerk::application {

/// How far work is, and how long the rest of it takes if it goes on like that.
class WorkDone {
 public:
  /// @param seconds  on any clock that does not go back
  /// @param total    0: unknown
  void set(const std::string& unit, core::Index done, core::Index total, double seconds);
  void forget() { *this = {}; }
  /// "batch 12 of 40 (30 %, 2 min left)", as far as that is known; "" for nothing.
  std::string text(double seconds) const;

 private:
  std::string unit_;
  core::Index first_done_ = 0;  ///< when this unit was told of first
  core::Index done_ = 0;
  core::Index total_ = 0;
  double first_ = 0;
  double last_ = 0;
};

/// What a person sees of a stage that takes longer than two seconds: a line on the terminal that is
/// renewed in place, or where nobody watches, and in a log, a line each minute. Drawn by a thread
/// of its own, which makes no MPI call.
class Progress {
 public:
  enum class Shown {
    nowhere,
    in_place,
    in_lines,  ///< of standard output
    in_log     ///< alone
  };

  explicit Progress(Shown shown);
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress();

  /// A stage begins.
  void begin(const std::string& stage);
  /// How far the job is: "batch", 3 of 40. `total` 0: unknown.
  void set(const std::string& unit, core::Index done, core::Index total);
  /// How far work within that is.
  void set_within(const std::string& unit, core::Index done, core::Index total);
  /// The stage is over: the line is wiped.
  void end();

 private:
  void draw_while_enabled();
  std::string line(double seconds) const;
  void print_line(double seconds);

  Shown shown_;
  bool stopping_ = false;
  bool drawn_ = false;
  std::string stage_;
  WorkDone position_;
  WorkDone within_;
  double started_ = 0;
  double printed_ = 0;  ///< when a line was printed last
  std::mutex mutex_;
  std::condition_variable wake_;
  std::thread thread_;
};

}  // namespace kronwerk::application
