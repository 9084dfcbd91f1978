#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <thread>

#include "kronwerk/communication/mapping.hpp"

namespace kronwerk::communication {

/// Anonymous memory of this process, in huge pages where the system offers them.
/// @throws ResourceError
Mapping map_private(std::size_t size);

/// What all names of segments begin with.
inline constexpr const char* segment_prefix = "/kronwerk-shm-";

/// A name that no other segment of this machine has, but for a chance of 2^-64.
std::string random_segment_name();

/// A shared segment that other ranks of the node can find by its name.
///
/// Whoever holds it has locked it. That is how others know it from what a killed job left behind:
/// a lock ends with the process that took it, also if that stays a zombie, and is seen from every
/// PID namespace, where its number would mean nothing.
class NamedSegment {
 public:
  NamedSegment() = default;
  NamedSegment(NamedSegment&& other) noexcept;
  NamedSegment& operator=(NamedSegment&& other) noexcept;
  NamedSegment(const NamedSegment&) = delete;
  NamedSegment& operator=(const NamedSegment&) = delete;
  /// Removes the name; mappings stay.
  ~NamedSegment();

  /// Empty if the segment is.
  const std::string& name() const noexcept { return name_; }
  /// The memory, which this object then has no more.
  Mapping take_mapping() noexcept { return std::move(mapping_); }

 private:
  friend NamedSegment create_segment(std::size_t size,
                                     const std::function<std::string()>& next_name);
  std::string name_;
  int file_ = -1;
  Mapping mapping_;
};

/// Creates and reserves a segment under the first of the names that is free. Local.
/// @throws ResourceError if /dev/shm is short or cannot be used
NamedSegment create_segment(std::size_t size,
                            const std::function<std::string()>& next_name = random_segment_name);

/// Maps a segment that another rank of the node holds. Local. @throws ResourceError
Mapping open_segment(const std::string& name, std::size_t size);

/// Brings the pages of a reserved mapping into this process's tables while it does something else,
/// reading for instance; where the system cannot, whoever uses them does so. The mapping may be
/// used meanwhile and must stay until the thread has ended. Local.
std::jthread touch_in_background(const Mapping& mapping) noexcept;

/// Removes this user's segments that nobody holds: a job was killed between creating and mapping
/// them. Local; what cannot be removed is left.
void remove_stale_segments() noexcept;

/// The same, when a process first needs memory of its node.
void remove_stale_segments_once() noexcept;

}  // namespace kronwerk::communication
