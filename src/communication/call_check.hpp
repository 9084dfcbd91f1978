#pragma once

#include <memory>
#include <string>

#include "kronwerk/communication/communicator.hpp"

namespace kronwerk::communication {

/// One collective call as a rank makes it. Two calls fit each other if they are equal.
struct CollectiveCall {
  const char* name;
  core::Index count;  ///< values per rank; 0 where ranks may differ
  int root;           ///< 0 where there is none
  core::SourceLocation where;

  /// "sum of 3 at src/models/fit/fit.cpp:12"
  std::string text() const;
};

/// Compares what the ranks of a communicator are about to do together; see Communicator.
class CallCheck {
 public:
  /// Null unless some rank's environment asks for the check. Collective on comm.
  static std::unique_ptr<CallCheck> make(MPI_Comm comm);
  ~CallCheck();
  CallCheck(const CallCheck&) = delete;
  CallCheck& operator=(const CallCheck&) = delete;

  /// Collective. @throws InternalError on every rank with the calls of two ranks that differ; on
  /// this rank if it is inside work that must not communicate
  void compare(const CollectiveCall& call);

  /// While it exists, this rank is inside the work given to collectively().
  class Inside {
   public:
    /// @param check  may be null
    Inside(CallCheck* check, core::SourceLocation where);
    ~Inside();
    Inside(const Inside&) = delete;
    Inside& operator=(const Inside&) = delete;

   private:
    CallCheck* check_;
  };

 private:
  explicit CallCheck(MPI_Comm comm);
  [[noreturn]] void throw_differing(const std::string& mine) const;

  // A duplicate: the comparison must not meet other ranks' messages.
  MPI_Comm comm_ = MPI_COMM_NULL;
  const core::SourceLocation* agreeing_ = nullptr;
  core::SourceLocation agreeing_at_;
};

}  // namespace kronwerk::communication
