#pragma once

#include "kronwerk/communication/communicator.hpp"
#include "kronwerk/configuration/job.hpp"

namespace kronwerk::application {

/// Refuses an output that is one of the files the job reads or its configuration, under whatever
/// name, or that would take an input of the job along when a sweep or a fit removes its working
/// files. Collective. @throws ConfigurationError
void check_output(const communication::Communicator& comm, const configuration::Job& job);

/// Refuses a log that would be added to a file that the job reads or writes; "" is none.
/// Collective.
/// @throws ConfigurationError
void check_log(const communication::Communicator& comm, const configuration::Job& job,
               const std::string& log);

}  // namespace kronwerk::application
