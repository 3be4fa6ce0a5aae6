SELECT flowatlasSeconds(flowatlasLevel({since:DateTime}, {until:DateTime})) AS seconds
