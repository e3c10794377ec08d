// What an empty program takes to start and to end.
